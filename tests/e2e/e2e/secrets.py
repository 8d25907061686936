# SPDX-License-Identifier: Apache-2.0
"""No secret of a run stands anywhere in what mcpwatch writes of it: tokens of every vendor of tests/redact in every
place by which a text comes into a record. Each case gets the binary and a folder and returns problems."""

import base64
import contextlib
import http.server
import json
import random
import re
import socketserver
import struct
import subprocess
import sys
import urllib.parse

from . import asks, build, matrix

sys.path.append(str(build.ROOT / "tests/redact"))

from corpus import tokens  # noqa: E402

GRAM, TIMEOUT = 12, 300

class Secrets:
    """Tokens, each made for one place, all known by their form."""

    def __init__(self, seed):
        self.r, self.place = random.Random(seed), {}

    def one(self, vendor, place):
        _, make = tokens.VENDORS[vendor]
        made = make(self.r)
        s = made if isinstance(made, tokens.Secret) else tokens.Secret(made)
        for text in s.hide:
            self.place[text] = f"{place}: {vendor}"
        return s.text

    def some(self, place, n=None, as_name=False):
        """A token of each vendor, or of n of them; as_name: that can be a file's name."""
        vendors = [v for v in tokens.VENDORS if v not in NO_NAMES] if as_name else list(tokens.VENDORS)
        return [self.one(v, place) for v in (self.r.sample(vendors, n) if n else vendors)]


NO_NAMES = {"gcp-service-account", "azure-storage", "azure-sas", "aws-presigned", "slack-webhook", "grafana", "cloudflare-ca",
            "atlassian", "vault", "pypi", "openai"}  # too long, or with a slash in them


# --- looking for them -------------------------------------------------------------------------------------

BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}")


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for k, x in value.items():
            yield k
            yield from strings(x)
    elif isinstance(value, list):
        for x in value:
            yield from strings(x)


def readings(data):
    """What data says as it is, as JSON lines and JSON in their strings, and decoded once."""
    yield data
    texts = []
    for line in data.splitlines():
        with contextlib.suppress(ValueError):
            texts += strings(json.loads(line))
    for text in list(texts):
        if text[:1] in ("{", "["):
            with contextlib.suppress(ValueError):
                texts += strings(json.loads(text))
    plain = "\n".join(texts).encode()
    yield plain
    for raw in data, plain:
        yield urllib.parse.unquote_to_bytes(raw)
        found = [f.replace(b"-", b"+").replace(b"_", b"/") for f in BASE64.findall(raw)]
        yield b"\n".join(base64.b64decode(f[at:at + (len(f) - at) // 4 * 4]) for f in found for at in range(4))


def search(files, secrets, d):
    """Where 16 bytes of a secret stand: then 12 of them do that begin at a fourth byte of it. Not what is in
    several: that is a vendor's mark."""
    grams = {}
    for text, place in secrets.items():
        for i in range(0, len(text) - GRAM + 1, 4):
            grams[text[i:i + GRAM]] = place if text[i:i + GRAM] not in grams else None
    grams = {gram: place for gram, place in grams.items() if place}
    (d / "grams").write_text("\n".join(grams))
    parts = [(f.name, reading) for f in files for reading in readings(f.read_bytes())]
    p = subprocess.run(["grep", "-aoFf", d / "grams"], input=b"\n".join(reading for _, reading in parts), capture_output=True,
                       env={"LC_ALL": "C"}, timeout=TIMEOUT)
    if p.returncode not in (0, 1):
        return [f"grep: {p.stderr[:200]}"]
    problems = {}
    for gram in dict.fromkeys(p.stdout.splitlines()):
        place = grams[gram.decode()]
        if place not in problems:
            name, reading = next((n, r) for n, r in parts if gram in r)
            at = reading.find(gram)
            problems[place] = f"{name} has {gram.decode()!r} of {place}: {reading[max(0, at - 100):at + 60]!r}"
    return list(problems.values())


# --- a run ------------------------------------------------------------------------------------------------

class Postgres(socketserver.BaseRequestHandler):
    """Says yes to whoever starts, and to one query."""

    def handle(self):
        self.request.recv(4096)
        ready = b"Z" + struct.pack(">I", 5) + b"I"
        self.request.sendall(b"R" + struct.pack(">II", 8, 0) + ready)
        if self.request.recv(65536):
            self.request.sendall(b"C" + struct.pack(">I", 15) + b"INSERT 0 1\0" + ready)


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def steps(s, d, sizes):
    """What the server has to know, and the client's steps."""
    plan = {"give": [], "folder": str(d / "files"), "instructions": "Use " + s.one("github", "instructions"),
            "description": "Describes, as with " + s.one("stripe", "a tool's description")}
    (d / "files").mkdir()

    def gives(texts):
        plan["give"] += texts
        return range(len(plan["give"]) - len(texts), len(plan["give"]))

    ret = [["tools"]]
    ret += [["call", "take", {"text": t}] for t in s.some("argument")]
    ret += [["call", "take", {"text": f"{t} in a sentence", "more": {"a": [{"b": u}]}}]
            for t, u in zip(s.some("argument's text"), s.some("nested argument"))]
    ret += [["call", "take", {"text": json.dumps({"inner": {"note": t}})}] for t in s.some("JSON in an argument", 12)]
    ret += [["call", "take", {"more": {t: 1}}] for t in s.some("member's name", 12)]
    ret += [["call", "take", {"text": base64.b64encode(t.encode()).decode()}] for t in s.some("base64 in an argument", 12)]
    ret += [["call", "give", {"number": i}] for i in gives(s.some("result"))]
    ret += [["call", "give_data", {"number": i}] for i in gives(s.some("structured result", 12))]
    ret += [["call", "fail", {"number": i}, {"ends": "tool_error"}] for i in gives(s.some("error", 12))]
    ret += [["call", "say", {"number": i}] for i in gives(s.some("notification", 12))]
    ret += [["call", f"no-{t}", {}, {"ends": ""}] for t in s.some("tool's name", 6)]
    ret += [["read", f"note://{i}/{t}"] for i, t in zip(gives(s.some("resource", 8)), s.some("resource's URI", 8, True))]
    ret += [["prompt", "greet", {"name": t}] for t in s.some("prompt", 8)]
    ret += [["call", "files", {"number": i}] for i in gives(s.some("file's name", 20, True))[::2]]
    ret += [["call", "run", {"number": i}] for i in gives(s.some("command", 20, True))[::4]]
    ret += [["call", "ask", {"number": i}] for i in gives([urllib.parse.quote(t) for t in s.some("HTTP request", 20, True)])[::4]]
    ret += [["call", "sql", {"number": i}] for i in gives(s.some("SQL statement", 12, True))]
    # what is longer than a record, and than what is kept of a text: secrets wherever it is cut
    for n in sizes:
        long, vendors = "", list(tokens.VENDORS)
        while len(long) < n:
            long += "word " * s.r.randrange(40, 160) + s.one(s.r.choice(vendors), f"{n} bytes") + "\n"
        ret += [["call", "give", {"number": gives([long])[0]}], ["call", "take", {"text": long}],
                ["call", "give_data", {"number": gives([json.dumps({"rows": long.splitlines()})])[0]}]]
    return plan, ret


def run(binary, d, s, plan, before=()):
    """Records the run. The problems of it."""
    log, out, err = d / "log", d / "records.jsonl", d / "stderr"
    keys = ["--keys", d / "keys"] if b"--keys" in subprocess.run([binary, "exec", "--help"], capture_output=True).stdout else []
    with open(err, "wb") as said:
        code = subprocess.run([*map(str, [*before, binary, "exec", "--state", "none", "--log", log, *keys, "--output", out, "--"]), plan["python"],
                               str(build.HERE / "py/secrets_client.py"), str(d / "plan.json")],
                              stdin=subprocess.DEVNULL, stderr=said, timeout=TIMEOUT).returncode
    problems = [] if code == 0 else [f"exit status {code}: {err.read_text(errors='replace')[-400:]}"]
    files = [f for f in log.rglob("*") if f.is_file()]
    if not any(f.suffix == ".jsonl" for f in files) or not out.stat().st_size:
        problems.append(f"nothing was recorded: {files}")
    return problems + search([*files, out, err], s.place, d), [json.loads(line) for line in out.read_bytes().splitlines()]


def calls(records, wanted):
    """That what was searched does hold the calls."""
    n = sum(r["type"] == "call" and r["method"] == "tools/call" for r in records)
    kinds = {r["kind"] for r in records if r["type"] == "effect"}
    marks = sum(json.dumps(r).count("[REDACTED:") for r in records)
    problems = [] if n == wanted else [f"{n} tool calls in the records, {wanted} made"]
    problems += [f"no {k} in the records" for k in ("file.open", "file.rename", "proc.exec", "net.http", "db.statement") if k not in kinds]
    return problems + ([] if marks > wanted else [f"{marks} marks in {len(records)} records"])


@contextlib.contextmanager
def peers(plan):
    """What the tools ask."""
    with asks.serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), asks.Handler)) as web, asks.serving(Tcp(("127.0.0.1", 0), Postgres)) as sql:
        yield plan | {"web": web.server_port, "sql": sql.server_address[1]}


def stdio(binary, d):
    s = Secrets("stdio")
    plan, todo = steps(s, d, [30_000, 150_000, 1_200_000])
    kit = build.prepare("py")
    flags = [x for t in s.some("command line", 8) for x in ("--note", t)]
    env = {f"NOTE_{i}": t for i, t in enumerate(s.some("environment"))} | {"PATH": "/usr/bin:/bin"}
    with peers(plan) as plan:
        plan |= {"python": f"{kit}/bin/python", "steps": todo, "env": env,
                 "argv": [f"{kit}/bin/python", str(build.HERE / "py/secrets_server.py"), str(d / "plan.json"), *flags]}
        (d / "plan.json").write_text(json.dumps(plan))
        problems, records = run(binary, d, s, plan)
    return problems + calls(records, sum(x[0] == "call" for x in todo))


def over_http(binary, d):
    """Headers that carry them, and the URL's query."""
    s = Secrets("http")
    plan, todo = steps(s, d, [30_000])
    kit, port = build.prepare("py"), matrix.free_port()
    headers = {"Authorization": "Bearer " + s.one("github", "Bearer header"), "X-Api-Key": s.one("openai", "X-API-Key header"),
               "Cookie": "sid=" + s.one("stripe", "Cookie header"), "X-Note": s.one("anthropic", "another header"),
               "Proxy-Authorization": "Basic " + base64.b64encode(f"app:{s.one('npm', 'Basic header')}".encode()).decode()}
    with peers(plan) as plan:
        plan |= {"python": f"{kit}/bin/python", "steps": todo, "headers": [headers], "port": port,
                 "url": f"http://127.0.0.1:{port}/mcp?note={s.one('gitlab', 'query')}",
                 "argv": [f"{kit}/bin/python", str(build.HERE / "py/secrets_server.py"), "--port", str(port), str(d / "plan.json")]}
        (d / "plan.json").write_text(json.dumps(plan))
        problems, records = run(binary, d, s, plan)
    return problems + calls(records, sum(x[0] == "call" for x in todo))


CASES = {"secrets-stdio": stdio, "secrets-http": over_http}
