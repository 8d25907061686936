# SPDX-License-Identifier: Apache-2.0
"""What a case is made of."""

import base64
import fnmatch
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import ns

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from e2e import build  # noqa: E402

SERVERS, AGENTS = "/srv/mcp", "/srv/agents"
PYTHONS = {"py": "/opt/kits/py/bin/python", "py1": "/opt/kits/py1/bin/python", "raw": "/usr/bin/python3"}
ATTACKER, SERVICE, LAN, IMDS = "203.0.113.66", "203.0.113.20", "10.13.37.1", "169.254.169.254"
DNS = "127.0.0.53"
KEYS = json.dumps({"Code": "Success", "AccessKeyId": "ASIA" + ns.token("imds", 16), "SecretAccessKey": ns.token("imds-secret", 40, ns.ALNUM)})


def binds():
    """What every root has of the host beside /usr and a little of /etc: the kits, the servers, the agents."""
    kits = {f"/opt/kits/{k}": build.prepare(k) for k in ("py", "py1")}
    return kits | {"/srv/node_modules": build.prepare("npm") / "node_modules", SERVERS: HERE / "servers", AGENTS: HERE / "agents"}


# --- servers ----------------------------------------------------------------------------------------------

def argv(kit, name, *args):
    program = "node" if kit == "node" else PYTHONS[kit]
    return [program, f"{SERVERS}/{name}", *map(str, args)]


def py(name, *args, **more):
    """A server with FastMCP (mcp 2.x), over stdio."""
    return {"argv": argv("py", name, *args)} | more


def py1(name, *args, **more):
    """A server with the FastMCP of mcp 1.x, over stdio."""
    return {"argv": argv("py1", name, *args)} | more


def raw(name, *args, **more):
    """A server in Python without a SDK, over stdio."""
    return {"argv": argv("raw", name, *args)} | more


def node(name, *args, **more):
    """A server with npm's SDK, over stdio."""
    return {"argv": argv("node", name, *args)} | more


def http(kit, name, port, **more):
    """A server over Streamable HTTP on the loopback."""
    return {"url": f"http://127.0.0.1:{port}/mcp", "start": argv(kit, name, port)} | more


def call(tool, server="s", /, **args):
    return ["call", server, tool, args]


# --- stubs ------------------------------------------------------------------------------------------------

def web(addr, port=80, **routes):
    """An HTTP stub; routes: path without its slash = [status, headers, body]."""
    return {"kind": "http", "addr": addr, "port": port, "routes": {"/" + k: v for k, v in routes.items()}}


def sink(port=4444):
    return {"kind": "tcp", "addr": ATTACKER, "port": port}


def imds(addr=IMDS):
    return {"kind": "http", "addr": addr, "port": 80, "routes": {p: [200, {}, KEYS] for p in (
        "/latest/meta-data/iam/security-credentials/app", "/latest/meta-data/iam/security-credentials/",
        "/computeMetadata/v1/instance/service-accounts/default/token")}}


CREDENTIALS = "/latest/meta-data/iam/security-credentials/app"
POSTGRES = {"kind": "postgres", "addr": "127.0.0.1", "port": 5432}


def jwt(**claims):
    def part(x):
        return base64.urlsafe_b64encode(json.dumps(x).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{base64.urlsafe_b64encode(ns.blob('jwt', 32)).rstrip(b'=').decode()}"


# --- cases ------------------------------------------------------------------------------------------------

@dataclass
class Case:
    """must: the rules that shall fire, the one the case is about first ("evade.*" is any of that kind); one of them must, at
    medium or above. servers, steps,
    roots, answers: the agent's plan. agent: py, node or raw. remote: the plan of an agent on another host, which mcpwatch does
    not watch; then `servers` has one, which is run alone. beside: a program that runs in the root unwatched, the victim. proof:
    a function of the Outcome that says whether the attack did what it is for."""

    name: str
    must: list
    servers: dict
    steps: list
    proof: callable
    agent: str = "py"
    user: str = "agent"
    files: dict = field(default_factory=dict)
    hosts: dict = field(default_factory=dict)
    stubs: list = field(default_factory=list)
    local: list = field(default_factory=list)
    resolver: dict = None
    env: dict = field(default_factory=dict)
    roots: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    remote: list = field(default_factory=list)
    beside: list = field(default_factory=list)
    rules: str = ""  # a rule file of its own: lists that only a site can know

    @property
    def about(self):
        return self.proof.__doc__.strip()

    def fired(self, alerts):
        """Which of its rules are among the alerts, by themselves or as a finer one (net.private.local)."""
        return [m for m in self.must if any(self.means(m, a) for a in alerts)]

    @staticmethod
    def means(wanted, alert):
        return fnmatch.fnmatchcase(alert, wanted) or alert.startswith(wanted + ".")

    def plan(self):
        return {"servers": self.servers, "steps": self.steps, "roots": self.roots, "answers": self.answers}

    def root(self, folder, binds):
        own = {(s["addr"], s["port"]) for s in self.stubs}
        stubs = [*self.stubs, *(web(a) for a in (ATTACKER, SERVICE) if (a, 80) not in own)]
        stubs.append({"kind": "dns", "addr": DNS, "port": 53, "names": {}} | (self.resolver or {}))
        return ns.Root(folder, files=ns.home() | self.files, hosts=self.hosts, local=self.local, stubs=stubs, resolver=DNS, binds=binds,
                       peer=bool(self.remote))

    def command(self, plan, agent=None):
        agent = agent or self.agent
        program = {"py": [PYTHONS["py"], f"{AGENTS}/agent.py"], "node": ["node", "/srv/agents/agent.mjs"],
                   "raw": [PYTHONS["raw"], f"{AGENTS}/raw.py"]}[agent]
        return [*program, json.dumps(plan)]


@dataclass
class Outcome:
    """A case that has run: its root, still there, and what the agent's steps gave."""

    root: ns.Root
    steps: list

    def text(self, i):
        return self.steps[i]["text"] if i < len(self.steps) else ""

    def status(self, i):
        return self.steps[i]["status"] if i < len(self.steps) else ""

    def ok(self):
        """Every step went well."""
        return bool(self.steps) and all(s["status"] in ("ok", "200", "202") for s in self.steps)

    def tools(self, i):
        """The definitions that a ["list"] step gave, as one text with its characters as they are."""
        return json.dumps(json.loads(self.text(i)), ensure_ascii=False)

    def got(self, at, kind="http"):
        """What a stub's address received, most recent last: bodies or texts."""
        at = at if ":" in at[-6:] else f"{at}:80"
        return [s.get("body", s.get("text")) for s in self.root.world(kind) if s["at"] == at]

    def asked(self, at):
        """The requests that a stub's address received: METHOD PATH."""
        return [f"{s['method']} {s['path']}" for s in self.root.world("http") if s["at"] == f"{at}:80" or s["at"] == at]

    def read(self, path):
        return (self.root.read(path) or b"").decode("utf-8", "replace")

    def gone(self, path):
        return not self.root.exists(path)


CASES = {}


def case(name, must, *servers, steps=(), **more):
    """Makes the decorated proof a case. One server is called "s" in its steps, several "s", "t", "u"."""
    def keep(proof):
        assert name not in CASES and proof.__doc__
        named = more.pop("servers", None) or dict(zip("stu", servers))
        CASES[name] = Case(name, list(must), named, [list(s) for s in steps], proof, **more)
        return proof
    return keep
