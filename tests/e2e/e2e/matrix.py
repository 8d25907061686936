# SPDX-License-Identifier: Apache-2.0
"""The matrix: servers x transports x clients, each cell one session that is recorded and held against what
the client's own tap kept (tap/tap.c, wire.py)."""

import collections
import contextlib
import dataclasses
import functools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from . import build, check, wire

TIMEOUT = 300
BIG = [100_000, 2 << 20]
UNICODE = 'grüße 日本 \U0001f600 "quoted" \\ \u2028 tab\t'


@dataclasses.dataclass
class Cell:
    server: str
    way: str  # stdio, http and its variants, sse, ws
    client: str
    modern: bool = False  # the client offers 2026-07-28
    na: str | None = None  # why there is no such cell

    @property
    def name(self):
        return f"{self.server}-{self.way}-{self.client}" + ("-2026" if self.modern else "")

    @property
    def transport(self):
        return "websocket" if self.way == "ws" else self.way.split("-")[0]


# --- what runs --------------------------------------------------------------------------------------


@functools.cache
def node():
    return shutil.which("node")


def kit(language):
    return build.prepare(language)


SDK_SERVERS = {
    "py1": lambda: [f"{kit('py1')}/bin/python", build.HERE / "py1/server.py"],
    "py": lambda: [f"{kit('py')}/bin/python", build.HERE / "py/matrix_server.py"],
    "npm": lambda: [node(), f"{kit('npm')}/matrix_server.mjs"],
    "npm2": lambda: [node(), f"{kit('npm2')}/server.mjs"],
    "go": lambda: [f"{kit('go')}/matrixserver"],
    "rust": lambda: [f"{kit('rust')}/matrix_server"],
}
CLIENTS = {
    "py1": lambda: [f"{kit('py1')}/bin/python", build.HERE / "py1/client.py"],
    "py": lambda: [f"{kit('py')}/bin/python", build.HERE / "py/matrix_client.py"],
    "npm": lambda: [node(), f"{kit('npm')}/matrix_client.mjs"],
    "npm2": lambda: [node(), f"{kit('npm2')}/client.mjs"],
    "go": lambda: [f"{kit('go')}/matrixclient"],
    "rust": lambda: [f"{kit('rust')}/matrix_client"],
}
NAMES = {
    "py1": "Python mcp 1.30.0", "py": "FastMCP 4.1.2, mcp 2.3.0", "npm": "npm sdk 1.32.2",
    "npm2": "npm server/client 2.4.0", "go": "go-sdk 1.8.0", "rust": "rmcp 3.9.0",
    "filesystem": "filesystem 2026.8.31", "everything": "everything 2026.8.31", "memory": "memory 2026.8.31",
    "git": "git 2026.10.19", "time": "time 2026.10.19",
}


def reference(name, way, d, port):
    """(argv, environment) of a reference server."""
    package = f"node_modules/@modelcontextprotocol/server-{name}/dist/index.js"
    if name in ("filesystem", "memory", "everything"):
        argv = [node(), f"{kit('npm')}/{package}"]
        how = {"stdio": "stdio", "http": "streamableHttp", "sse": "sse"}[way]
        return {
            "filesystem": (argv + [d / "files"], {}),
            "memory": (argv, {"MEMORY_FILE_PATH": str(d / "memory.jsonl")}),
            "everything": (argv + [how], {"PORT": str(port)}),
        }[name]
    return [f"{kit('py')}/bin/python", "-m", f"mcp_server_{name}"], {}


def calls(*of):
    return [["call", tool, arguments] for tool, arguments in of]


def sdk_steps(cell):
    big = [400_000 if cell.transport == "sse" and cell.client == "py" else n for n in BIG]  # its limit: 1 MiB an event
    ask = [] if cell.way in ("http-json", "http-stateless") and not cell.modern else \
        calls(*(("ask", {"what": w}) for w in ("elicit", "sample", "roots")))
    return [
        ["tools"], *calls(("echo", {"text": "plain"}), ("echo", {"text": UNICODE}), ("fail", {}), ("nosuch", {})),
        *calls(*(("big", {"n": n}) for n in big)),
        ["parallel", [["sleep", {"ms": 30}], ["echo", {"text": "p1"}], ["big", {"n": 70_000}], ["sleep", {"ms": 10}],
                      ["echo", {"text": "p2"}], ["fail", {}], ["sleep", {"ms": 20}], ["echo", {"text": "p3"}]]],
        ["notify", "notify", {}], ["ping"], ["resources"], ["read", "note://one"], ["prompts"],
        ["prompt", "greet", {"name": "Zoë"}], *ask, ["cancel", "sleep", {"ms": 1200}, 200],
        *calls(("echo", {"text": "last"})),
    ]


def filesystem_steps(d):
    files = d / "files"
    files.mkdir()
    for n in BIG:
        (files / f"{n}.txt").write_text("0123456789abcde\n" * (n // 16))
    at = lambda name: {"path": str(files / name)}  # noqa: E731
    return [
        ["tools"], *calls(("write_file", at("new.txt") | {"content": UNICODE}), ("read_text_file", at("new.txt")),
                          ("read_text_file", at("missing.txt")), ("nosuch", {}), ("list_directory", at(""))),
        *calls(*(("read_text_file", at(f"{n}.txt")) for n in BIG)),
        ["parallel", [["read_text_file", at("new.txt")], ["get_file_info", at("new.txt")]] * 4], ["ping"],
        *calls(("move_file", {"source": str(files / "new.txt"), "destination": str(files / "old.txt")})),
    ]


def everything_steps(d):
    return [
        ["tools"], *calls(("echo", {"message": UNICODE}), ("get-sum", {"a": 2, "b": 3}), ("get-sum", {"a": "x"}),
                          ("nosuch", {}), ("get-tiny-image", {}), ("get-structured-content", {"location": "New York"})),
        *calls(*(("echo", {"message": "0123456789abcdef" * (n // 16)}) for n in BIG)),
        ["parallel", [["echo", {"message": f"p{i}"}] for i in range(8)]],
        ["notify", "trigger-long-running-operation", {"duration": 0.3, "steps": 3}], ["ping"],
        *calls(("trigger-sampling-request", {"prompt": "Say."}), ("trigger-elicitation-request", {}), ("get-roots-list", {})),
        ["resources"], ["read", "demo://resource/dynamic/text/1"], ["prompts"], ["prompt", "args-prompt", {"city": "Zürich"}],
        ["cancel", "trigger-long-running-operation", {"duration": 1, "steps": 5}, 200],
        *calls(("echo", {"message": "last"})),
    ]


def memory_steps(d):
    entity = lambda name, text: {"name": name, "entityType": "note", "observations": [text]}  # noqa: E731
    return [
        ["tools"], *calls(("create_entities", {"entities": [entity("one", UNICODE)]}), ("search_nodes", {"query": "one"}),
                          ("open_nodes", {"names": 7}), ("nosuch", {})),
        *calls(*(("create_entities", {"entities": [entity(f"big{n}", "0123456789abcdef" * (n // 32))]}) for n in BIG)),
        *calls(("read_graph", {})),
        ["parallel", [["open_nodes", {"names": ["one"]}]] * 8], ["ping"], *calls(("delete_entities", {"entityNames": ["one"]})),
    ]


def git_steps(d):
    repo = d / "repo"
    env = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
           "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null"}
    git = lambda *a: subprocess.run(["git", "-C", repo, *a], env=env, check=True, capture_output=True)  # noqa: E731
    repo.mkdir()
    git("init", "-b", "main")
    (repo / "a.txt").write_text("one\n")
    git("add", ".")
    git("commit", "-m", "first, grüße")
    for n in BIG:
        (repo / f"{n}.txt").write_text("0123456789abcde\n" * (n // 16))
    at = {"repo_path": str(repo)}
    return [
        ["tools"], *calls(("git_status", at), ("git_log", at), ("git_show", at | {"revision": "no-such"}), ("nosuch", {}),
                          ("git_add", at | {"files": [f"{BIG[0]}.txt"]}), ("git_diff_staged", at),
                          ("git_add", at | {"files": [f"{BIG[1]}.txt"]}), ("git_diff_staged", at)),
        ["parallel", [["git_status", at], ["git_log", at]] * 4], ["ping"], *calls(("git_branch", at | {"branch_type": "local"})),
    ]


def time_steps(d):
    return [
        ["tools"], *calls(("get_current_time", {"timezone": "Europe/Zurich"}), ("get_current_time", {"timezone": "Zürich"}),
                          ("nosuch", {}), ("convert_time", {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"})),
        ["parallel", [["get_current_time", {"timezone": "UTC"}]] * 8], ["ping"],
    ]


REFERENCE = {"filesystem": filesystem_steps, "everything": everything_steps, "memory": memory_steps, "git": git_steps,
             "time": time_steps}


# --- which cells there are ----------------------------------------------------------------------------

NO_SSE = "HTTP+SSE is not in it any more"
NO_HTTP = "it speaks stdio alone"
NO_WS = "WebSocket is not in it"


def cells():
    """The whole table. The first client of a server's row is its own SDK's, the second another one's."""
    ret = []

    def row(server, way, *clients, na=None):
        ret.extend(Cell(server, way, c.removesuffix("-2026"), c.endswith("-2026")) for c in clients)
        if na:
            ret.append(Cell(server, way, "-", na=na))

    row("py1", "stdio", "py1", "npm")
    row("py1", "http", "py1", "npm2")
    row("py1", "http-json", "py1", "go")
    row("py1", "http-stateless", "py1", "rust")
    row("py1", "sse", "py1", "npm")
    row("py1", "ws", "py1", "npm")
    row("py", "stdio", "py-2026", "go")
    row("py", "http", "py-2026", "npm2-2026", "npm")
    row("py", "http-json", "py", "rust")
    row("py", "http-stateless", "py-2026", "go")
    row("py", "sse", "py", "npm2")
    row("py", "ws", na=NO_WS)
    row("npm", "stdio", "npm", "py")
    row("npm", "http", "npm", "py1")
    row("npm", "http-stateless", "npm", "go")
    row("npm", "sse", "npm", "py1")
    row("npm", "ws", "npm", "py1")
    row("npm2", "stdio", "npm2-2026", "npm2", "py-2026")
    row("npm2", "http", "npm2-2026", "py-2026", "npm")
    row("npm2", "http-session", "npm2", "rust")
    row("npm2", "sse", na=NO_SSE)
    row("npm2", "ws", na=NO_WS)
    row("go", "stdio", "go-2026", "rust-2026")
    row("go", "http", "go-2026", "npm")
    row("go", "http-json", "go", "py1")
    row("go", "http-stateless", "go-2026", "npm2-2026")
    row("go", "sse", "go", "py1")
    row("go", "ws", na=NO_WS)
    row("rust", "stdio", "rust-2026", "go-2026")
    row("rust", "http", "rust-2026", "npm2")
    row("rust", "http-json", "rust", "py1")
    row("rust", "http-stateless", "rust", "npm")
    row("rust", "sse", na=NO_SSE)
    row("rust", "ws", na=NO_WS)
    row("filesystem", "stdio", "npm", "rust")
    row("everything", "stdio", "npm", "py")
    row("everything", "http", "npm", "go")
    row("everything", "sse", "npm", "py1")
    row("memory", "stdio", "npm", "go")
    row("git", "stdio", "py-2026", "npm")
    row("time", "stdio", "py", "rust")
    for server in "filesystem", "memory", "git", "time":
        row(server, "http", na=NO_HTTP)
        row(server, "sse", na=NO_HTTP)
    return ret


def reduced():
    """One client a server and transport, for every `make check`: the other one's, where there are two."""
    last = {}
    for c in cells():
        if not c.na:
            last[c.server, c.way] = c
    return list(last.values())


# --- one cell -----------------------------------------------------------------------------------------


def free_port():
    """A port that nobody listens at, out of those that nobody gets by chance, and of no other case that runs."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(low, 20_000))
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def prepare(cell, d):
    """The command line of the cell's session."""
    port = free_port()
    if cell.server in REFERENCE:
        argv, env = reference(cell.server, cell.way, d, port)
        steps = REFERENCE[cell.server](d)
    else:
        argv, env = SDK_SERVERS[cell.server]() + [cell.way, str(port)], {}
        steps = sdk_steps(cell)
    plan = {"transport": "ws" if cell.way == "ws" else cell.transport, "client": CLIENTS[cell.client](), "port": port,
            "tap": f"{kit('tap')}/tap.so", "modern": cell.modern, "env": env, "steps": steps}
    if cell.way == "stdio":
        plan["argv"] = argv
    else:
        plan["serve"] = argv
        plan["url"] = {"ws": f"ws://127.0.0.1:{port}/ws", "sse": f"http://127.0.0.1:{port}/sse"}.get(
            cell.way, f"http://127.0.0.1:{port}/mcp")
    (d / "plan.json").write_text(json.dumps(plan, default=str))
    return [sys.executable, build.HERE / "matrix/drive.py", d / "plan.json", d / "out"], steps


@dataclasses.dataclass
class Result:
    made: int = 0
    recorded: int = 0
    messages: int = 0
    equal: int = 0
    length: int = 0
    protocol: str = ""
    problems: list = dataclasses.field(default_factory=list)


def start(argv, d, name):
    with open(d / f"{name}.stderr", "wb") as err:
        p = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=err, stderr=err, start_new_session=True)
        try:
            code = p.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            p.wait()
            code = f"none after {TIMEOUT} s"
    said = (d / f"{name}.stderr").read_text(errors="replace").strip()[-400:]
    return [] if code == 0 else [f"{name}: exit status {code}: {said}"]


def run(binary, cell, d):
    """One session; binary None: without mcpwatch."""
    ret = Result()
    argv, steps = prepare(cell, d)
    capture, records, raw = d / "capture", d / "records.jsonl", d / "raw"
    if binary:
        ret.problems += start([binary, "record", "--state", "none", "-o", capture, "--", *argv], d, "record")
        ret.problems += start([binary, "replay", capture, "--output", records, "--raw", raw], d, "replay")
    else:
        ret.problems += start(argv, d, "session")
    truth = wire.messages(sorted(d.glob("out.*[0-9]")))
    ret.problems += client_problems(d, steps, truth, cell)
    requests = calls_of(truth)
    ret.made, ret.messages = len(requests), len(truth)
    ret.length = sum(len(m.bytes) for m in truth)
    ret.protocol = protocol(truth)
    if binary and not [p for p in ret.problems if p.startswith(("record", "replay"))]:
        compare(cell, ret, truth, requests, records.read_bytes(), raw.read_bytes())
    return ret


def client_problems(d, steps, truth, cell):
    """What is wrong with the session itself; mcpwatch has no part in it."""
    if not (d / "out.json").exists():
        return ["client: it did not come to its end"]
    ends = json.loads((d / "out.json").read_bytes())
    problems = [] if len(ends) == len(steps) else [f"client: {len(ends)} steps of {len(steps)}"]
    wanted = collections.Counter()
    for step in steps:
        wanted[step[0]] += len(step[1]) if step[0] == "parallel" else 1
    asked = collections.Counter(m.value.get("method") for m in truth if m.dir == "c2s" and isinstance(m.value, dict))
    tools = wanted["call"] + wanted["parallel"] + wanted["notify"] + wanted["cancel"]
    if asked["tools/call"] < tools:
        problems.append(f"client: {asked['tools/call']} tools/call on the wire, {tools} planned")
    bad = [(s[:2], e) for s, e in zip(steps, ends) if e.startswith("error") and
           s[0] not in ("cancel", "ping") and s[1:2] not in (["nosuch"], ["get-sum"]) and
           # rmcp leaves out the params of roots/list, go-sdk wants them
           not (cell.server == "rust" and cell.client == "go" and s[2:] == [{"what": "roots"}])]
    problems += [f"client: step {s} ended with {e}" for s, e in bad]
    return problems


def protocol(truth):
    """The revision the session spoke."""
    for m in truth:
        if isinstance(m.value, dict) and m.dir == "s2c" and isinstance(m.value.get("result"), dict):
            if v := m.value["result"].get("protocolVersion"):
                return v
    return "2026-07-28"


@dataclasses.dataclass
class Request:
    dir: str
    rpc_id: str
    method: str
    tool: str | None
    message: wire.Message
    status: str | None = None  # None: no answer reached the asking end
    cancelled: bool = False
    round: bool = False  # its answer asks for input: the same call comes again


def calls_of(truth):
    """The requests of both directions with what became of them."""
    ret, cancelled, again = {}, set(), set()
    for m in truth:
        for v in m.value if isinstance(m.value, list) else [m.value]:
            if "method" in v and "id" in v:
                again.add((v.get("params") or {}).get("requestState"))
                tool = (v.get("params") or {}).get("name") if v["method"] == "tools/call" else None
                ret[m.dir, json.dumps(v["id"])] = Request(m.dir, json.dumps(v["id"]), v["method"], tool, m)
            elif v.get("method") == "notifications/cancelled":
                cancelled.add((m.dir, json.dumps(v["params"]["requestId"])))
    for m in truth:
        for v in m.value if isinstance(m.value, list) else [m.value]:
            other = "s2c" if m.dir == "c2s" else "c2s"
            if "method" not in v and (r := ret.get((other, json.dumps(v.get("id"))))):
                r.status = ("rpc_error" if "error" in v else
                            "tool_error" if isinstance(v["result"], dict) and v["result"].get("isError") else "ok")
                r.message.http = r.message.http or m.http
                state = v["result"].get("requestState") if isinstance(v.get("result"), dict) else None
                r.round = state is not None and state in again
    for key in cancelled & ret.keys():
        ret[key].cancelled = True
    return list(ret.values())


def compare(cell, ret, truth, requests, data, raw):
    """Holds the records and the raw messages against the truth."""
    want = collections.Counter(m.bytes for m in truth)
    got = collections.Counter(raw.split(b"\n")[:-1])
    missing, more = want - got, got - want
    ret.equal = ret.messages - missing.total()
    ret.problems += [f"raw: {missing.total()} messages missing, first {shown(next(iter(missing)))}"] if missing else []
    ret.problems += [f"raw: {more.total()} messages nobody saw, first {shown(next(iter(more)))}"] if more else []

    records, problems = check.parse(data)
    ret.problems += problems + check.form(records)
    log = check.Log(records)
    for t in "gap", "anomaly":
        if log.by[t]:
            ret.problems.append(f"{len(log.by[t])} {t} records, first {json.dumps(log.by[t][0])[:300]}")
    by_id = {}
    for r in log.by["call"]:
        ids = [r["rpc_id"]] + [x["rpc_id"] for x in r.get("rounds", [])]
        for rpc_id in dict.fromkeys(ids):
            key = (r["dir"], rpc_id, r["method"], r.get("tool"))
            if key in by_id:
                ret.problems.append(f"{key} is recorded twice")
            by_id[key] = r
    sessions = {}
    for q in requests:
        r = by_id.pop((q.dir, q.rpc_id, q.method, q.tool), None)
        if r is None:
            ret.problems.append(f"{q.dir} {q.method} {q.tool or ''} id {q.rpc_id}: no call record")
            continue
        ret.recorded += 1
        ret.problems += [f"{q.dir} {q.method} {q.tool or ''} id {q.rpc_id}: {p}" for p in one_call(cell, q, r)]
        if q.message.http and q.message.http["session"]:
            sessions.setdefault(q.message.http["session"], set()).add(r["session"])
    ret.problems += [f"{k} was never asked" for k in by_id]
    if cell.way == "sse" and not any(r.get("http", {}).get("status") == 202 for r in log.by["call"]):
        ret.problems.append("no call has its POST's status")
    ret.problems += [f"one Mcp-Session-Id, sessions {s}" for s in sessions.values() if len(s) > 1]
    if len({min(s) for s in sessions.values()}) < len(sessions):
        ret.problems.append(f"{len(sessions)} Mcp-Session-Ids share a session")
    ret.problems += [f"the credential {s[:8]}... stands in the records" for s in sessions if s.encode() in data]


def one_call(cell, q, r):
    if r["transport"] != cell.transport:
        yield f"transport {r['transport']}"
    rounds = len(r.get("rounds", [])) > 1
    if q.round and not rounds:
        yield "it came again with the input it asked for, and its record has no rounds"
    if q.status is None or q.cancelled:
        if r["status"] not in ("cancelled", "no_response", "lost", q.status):
            yield f"status {r['status']}, it was given up"
    elif r["status"] != q.status and not rounds:
        yield f"status {r['status']}, expected {q.status}"
    if q.status and not q.cancelled and r.get("evidence") != "complete":
        yield f"evidence {r.get('evidence')}"
    if q.message.http and cell.way != "ws" and q.dir == "c2s" and not rounds:
        http = r.get("http", {})
        for name in "method", "path", "status":
            want = q.message.http[name]
            # the old pair's answer comes on another connection, and its call may end before its 202 came
            late = cell.way == "sse" and http.get(name) is None
            if want != http.get(name) and not (name == "status" and (want == 0 or q.cancelled or late)) \
                    and not (name == "path" and wire.is_old(want)):
                yield f"http.{name} {http.get(name)}, expected {want}"


def shown(data):
    return f"{data[:120]!r} ({len(data)} bytes)"


def case(cell, plain):
    """As a case of tests/e2e/run: takes the binary and a folder, returns problems."""
    return lambda binary, d: run(None if plain else binary, cell, d).problems
