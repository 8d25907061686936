# SPDX-License-Identifier: Apache-2.0
"""One case: a throw-away root, the world around it, and the sessions an agent has there with honest servers."""

import base64
import functools
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent  # tests/quiet
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "hostile")]

import ns  # noqa: E402
from e2e import build  # noqa: E402

PYTHON = "/usr/bin/python3"
HOME = ns.HOME
PY, PY1 = "/opt/kits/py/bin/python", "/opt/kits/py1/bin/python"
CLIENTS = {
    "py": ["/opt/kits/py/bin/python", "/srv/quiet/client.py"],
    "npm": ["node", "/opt/node/client.mjs"],
    "go": ["/opt/kits/go/matrixclient"],
    "rust": ["/opt/kits/rust/matrix_client"],
}
# Addresses as the wide net has them, all of them this root's own.
HOSTS = {"api.weather.example.com": "93.184.216.34", "docs.example.org": "151.101.65.69", "www.example.net": "104.18.32.7",
         "files.example.net": "104.18.32.7"}
WORLD = [["api", "127.0.0.1", 8081], ["site", "127.0.0.1", 8082], ["tls", "93.184.216.34", 443], ["site", "151.101.65.69", 80],
         ["site", "104.18.32.7", 80], ["postgres", "127.0.0.1", 5432]]
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
WITHOUT_NODE = "node is not installed"


class Failed(Exception):
    pass


# --- steps: (what the client does, how it must end) -----------------------------------------------------------

def call(tool, args=None, end="ok", at=None):
    return ["call", tool, args or {}, *([{"at": at}] if at else [])], end


def progress(tool, args=None):
    return ["progress", tool, args or {}], "ok"


def does(what, *args, at=None):
    return [what, *args, *([{"at": at}] if at else [])], "ok"


def parallel(*steps):
    return ["parallel", [s for s, _ in steps]], [e for _, e in steps]


def calls_of(step):
    if step[0] == "parallel":
        return sum(calls_of(s) for s in step[1])
    return step[0] in ("call", "progress")


# --- the servers' surroundings --------------------------------------------------------------------------------

@functools.cache
def certificate():
    """(certificate, key and certificate) of an authority that is its own only site."""
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
            "/CN=api.weather.example.com", "-addext", "subjectAltName=DNS:api.weather.example.com", "-keyout", "-", "-out", "-"]
    both = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return both[both.index("-----BEGIN CERTIFICATE"):], both


def jwt(key, **claims):
    def part(b):
        return base64.urlsafe_b64encode(b).rstrip(b"=")

    head = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (head + b"." + part(hmac.new(key.encode(), head, hashlib.sha256).digest())).decode()


def home():
    """What lies in the home of one who works: beside secrets that nobody here has to touch, settings that are none."""
    return ns.home() | {
        f"{HOME}/.gitconfig": "[user]\n\tname = Pat Agent\n\temail = pat@example.com\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n",
        f"{HOME}/.npmrc": "registry=http://localhost:4873/\nfund=false\n",
        f"{HOME}/.config/agent/mcp.json": '{"mcpServers": {}}\n',
    }


class Case:
    """What the functions of cases fill in. files: of ns.place. `again` begins a further run with the same state: the
    servers are started anew."""

    def __init__(self):
        self.files, self.phases, self.binds = home(), [[]], {}

    def file(self, path, content):
        """Puts a file into the home; its path."""
        path = f"{HOME}/{path}"
        self.files[path] = content
        return path

    def again(self):
        self.phases.append([])

    def server(self, script, *args, **more):
        """A server of servers/py: calls say which kit's Python it is for."""
        text = (HERE / "servers/py" / script).read_text()
        return {"argv": [PY1 if "from mcp.server" in text else PY, f"/srv/quiet/servers/py/{script}", *map(str, args)]} | more

    def node(self, script, *args, **more):
        return {"argv": ["node", f"/opt/node/servers/{script}", *map(str, args)]} | more

    def defined(self, name):
        """A server of its own program that offers definitions/NAME.json."""
        self.binds[f"/opt/node/{name}-server.mjs"] = HERE / "servers/node/definitions.mjs"
        return {"argv": ["node", f"/opt/node/{name}-server.mjs", f"/srv/quiet/definitions/{name}.json"]}

    def package(self, name, *args, **more):
        """A reference server of npm."""
        return {"argv": ["node", f"/opt/node/node_modules/@modelcontextprotocol/server-{name}/dist/index.js", *map(str, args)]} | more

    def session(self, servers, steps, client="py", daemons=(), pace=12, roots=()):
        """An agent's client with these servers, {name: as client.py has it}, or one server alone."""
        if "argv" in servers or "url" in servers:
            servers = {"server": servers}
        if client in ("go", "rust"):  # the clients of tests/e2e: one server, in their own form
            (s,) = servers.values()
            plan = {"transport": "stdio" if "argv" in s else "http", "modern": False, "steps": [s for s, _ in steps]} | s
        else:
            plan = {"servers": servers, "steps": [s for s, _ in steps], "pace_ms": pace, "roots": list(roots)}
        self.phases[-1].append({"plan": plan, "ends": [e for _, e in steps], "client": client, "daemons": list(daemons)})

    @property
    def calls(self):
        return sum(calls_of(s) for phase in self.phases for session in phase for s in session["plan"]["steps"])


def differences(ends, wanted, steps):
    for end, want, step in zip(ends, wanted, steps, strict=True):
        if isinstance(want, list):
            yield from differences(end, want, step[1])
        elif not (end.startswith("error:") if want == "error" else end == want):
            yield f"the client's step {json.dumps(step)[:120]} ended {end}, not {want}"


def prepare_all():
    """{kit: its folder}; build.Missing for the first that this machine cannot build."""
    if not shutil.which("node"):
        raise build.Missing(WITHOUT_NODE)
    return {kit: build.prepare(kit) for kit in ("py", "py1", "npm", "go", "rust")}


def binds(kits):
    at = {f"/opt/kits/{k}": folder for k, folder in kits.items() if k != "npm"}
    return at | {"/srv/quiet/" + name: HERE / name for name in ("agent.py", "client.py", "world.py", "servers", "definitions")} | {
        "/opt/node/node_modules": kits["npm"] / "node_modules", "/opt/node/client.mjs": HERE / "client.mjs",
        "/opt/node/servers": HERE / "servers/node", "/opt/node/remote.mjs": kits["npm"] / "remote.mjs"}


def run(case, d, binary, flags, kits):
    """Runs a case below the folder d; binary None: without mcpwatch. The record files; Failed."""
    cert, both = certificate()
    files = case.files | {"/srv/quiet/pem": ns.mode(both, 0o600)}
    trusted = d / "trusted.crt"
    trusted.write_text(Path(AUTHORITIES).read_text() + cert)
    local = sorted({a for _, a, _ in WORLD if not a.startswith("127.")})
    outputs = []
    with ns.Root(d, files=files, hosts=HOSTS, local=local, binds=binds(kits) | {AUTHORITIES: trusted} | case.binds) as root:
        if not Path("/usr/bin/node").exists():
            raise build.Missing(WITHOUT_NODE + " in /usr")
        world = subprocess.Popen(root.argv([PYTHON, "/srv/quiet/world.py", json.dumps(WORLD), "/tmp/world-listens"], user="root"),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(d / "world.stderr", "wb"))
        for _ in range(2400):
            if root.exists("/tmp/world-listens"):
                break
            if world.poll() is not None:
                raise Failed(f"the world ended: {(d / 'world.stderr').read_text()[-400:]}")
            time.sleep(0.025)
        for i, phase in enumerate(case.phases):
            sessions = []
            for j, s in enumerate(phase):
                plan, out = f"/run/plan-{i}-{j}.json", f"/tmp/ends-{i}-{j}"
                ns.place(root.tree, {plan: json.dumps(s["plan"])})
                sessions.append({"daemons": s["daemons"], "client": [*CLIENTS[s["client"]], plan, out]})
                s["out"] = out + (".json" if s["client"] in ("go", "rust") else "")
            ns.place(root.tree, {f"/run/sessions-{i}.json": json.dumps(sessions)})
            argv = root.argv([PYTHON, "/srv/quiet/agent.py", f"/run/sessions-{i}.json"])
            if binary:
                outputs.append(d / f"records-{i}.jsonl")
                argv = [binary, "exec", "--quiet", "--output", outputs[-1], *flags, "--", *argv]
            with open(d / f"exec-{i}.stderr", "wb") as err:
                p = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, start_new_session=True)
                try:
                    code = p.wait(600)
                except subprocess.TimeoutExpired:
                    os.killpg(p.pid, 9)
                    p.wait()
                    code = "none"
            if code:
                raise Failed(f"exit status {code}: {(d / f'exec-{i}.stderr').read_text(errors='replace').strip()[-900:]}")
            problems = []
            for s in phase:
                problems += differences(json.loads(root.read(s["out"])), s["ends"], s["plan"]["steps"])
            if problems:
                raise Failed("; ".join(problems[:3]) + (f"; and {len(problems) - 3} more" if len(problems) > 3 else ""))
        world.kill()
        world.wait()
    return outputs
