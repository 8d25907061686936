# SPDX-License-Identifier: Apache-2.0
"""The cases: each prepares a run in a folder and says what must be true of it."""

import functools
import http.server
import json
import shutil
import threading
from pathlib import Path

from . import build
from .truth import Effect, Server, Truth

CALLS = 23  # a prime number, so that no even share of it looks right

# --- calls ------------------------------------------------------------------------------------------


def add_write(s):
    p = s.path("new.txt")
    s.add("write_file", {"path": p, "text": f"text of {p}, grüße\n"}, Effect("file.open", p, mode="w+create+trunc"))


def add_read(s):
    p = s.path("in.txt", "some text, ünïcode, \"quotes\"\n" * 20)
    s.add("read_file", {"path": p}, Effect("file.open", p, mode="r"))


def add_read_missing(s):
    p = s.path("missing.txt")
    s.add("read_file", {"path": p}, Effect("file.open", p, result="ENOENT", mode="r"), status="tool_error")


def add_rename(s):
    src, dst = s.path("old.txt", "x"), s.path("renamed.txt")
    s.add("rename_file", {"src": src, "dst": dst}, Effect("file.rename", src, dst))


def add_delete(s):
    p = s.path("victim.txt", "x")
    s.add("delete_file", {"path": p}, Effect("file.delete", p))


def add_run(s):
    p = s.path("touched.txt")
    s.add("run", {"argv": ["/usr/bin/touch", p]}, Effect("proc.exec", "/usr/bin/touch"),
          Effect("file.open", p, mode="w+create"))


def add_run_removal(s):
    p = s.path("victim.txt", "x")
    s.add("run", {"argv": ["/bin/sh", "-c", f"rm -f '{p}'; exit 0"]}, Effect("proc.exec", "/usr/bin/rm"),
          Effect("file.delete", p))


def add_fail(s):
    s.add("fail", {}, status="tool_error")


def add_big(s, n=100_000):
    s.add("big", {"n": n})


def add_fetch(s):
    port = web_port()
    s.add("fetch", {"url": f"http://127.0.0.1:{port}/{len(s.calls)}"}, Effect("net.connect", f"127.0.0.1:{port}"))


def add_sleep(s):
    s.add("sleep", {"ms": 40})


def add_sqlite(s):
    db = s.path("rows.db")
    s.add("sqlite", {"db": db, "sql": "create table t(a)"}, Effect("file.open", db, mode="rw+create"),
          Effect("file.delete", db + "-journal"))


def npm_write(s):
    p = s.path("new.txt")
    s.add("write_file", {"path": p, "content": f"text of {p}\n"}, Effect("file.open", p, mode="w+create+trunc"))


def npm_overwrite(s):  # a temporary file, then rename
    p = s.path("old.txt", "old")
    s.add("write_file", {"path": p, "content": "new"}, Effect("file.open", p, result="EEXIST"),
          Effect("file.rename", p + ".*.tmp", p))


def npm_read(s, n=600):
    p = s.path("in.txt", "0123456789abcde\n" * (n // 16))
    s.add("read_text_file", {"path": p}, Effect("file.open", p, mode="r"))


def npm_read_missing(s):
    s.add("read_text_file", {"path": s.path("missing.txt")}, status="tool_error")


def npm_rename(s):
    src, dst = s.path("old.txt", "x"), s.path("moved.txt")
    s.add("move_file", {"source": src, "destination": dst}, Effect("file.rename", src, dst))


def npm_list(s):
    d = Path(s.path("folder"))
    d.mkdir()
    (d / "entry").write_text("x")
    s.add("list_directory", {"path": str(d)}, Effect("file.open", str(d)))


def npm_edit(s):
    p = s.path("edit.txt", "one\ntwo\n")
    s.add("edit_file", {"path": p, "edits": [{"oldText": "two", "newText": "three"}]},
          Effect("file.open", p, mode="r"), Effect("file.rename", p + ".*.tmp", p))


COMMON = [add_write, add_read, add_rename, add_delete, add_run, add_read_missing, add_fail, add_big]
TOOLS = {
    "py": COMMON + [add_fetch, add_sqlite, add_run_removal, add_sleep],
    "npm": [npm_write, npm_read, npm_rename, npm_overwrite, npm_list, npm_edit, npm_read_missing],
    "go": COMMON,
    "rust": COMMON,
}


def add_calls(server, language, n=CALLS):
    for i in range(n):
        TOOLS[language][i % len(TOOLS[language])](server)


@functools.cache
def web_port():
    """The port of a small web server on the loopback, for tools that fetch."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"page " + self.path.encode())

        def log_message(self, *args):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return web.server_port


# --- servers and clients ----------------------------------------------------------------------------

FILESYSTEM = "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"


def python_exe():
    return Path(build.PYTHON).resolve().name


def server(language, folder, args=()):
    """A server that is started directly: its command, its program's base name, words of its arguments."""
    kit = build.prepare(language)
    argv, exe, marks = {
        "py": ([f"{kit}/bin/python", str(build.HERE / "py/server.py")], python_exe(), ["server.py"]),
        "npm": ([shutil.which("node"), f"{kit}/{FILESYSTEM}", str(folder)], "node", ["dist/index.js"]),
        "go": ([f"{kit}/server"], "server", ["/go-"]),
        "rust": ([f"{kit}/server"], "server", ["/rust-"]),
        "raw": ([f"{kit}/server", *args], "server", ["/raw-", *args]),
    }[language]
    return Server(argv, exe, marks, folder)


def client(language):
    kit = build.prepare(language)
    return {
        "py": [f"{kit}/bin/python", str(build.HERE / "py/client.py")],
        "npm": [shutil.which("node"), f"{kit}/client.mjs"],
        "go": [f"{kit}/client"],
        "rust": [f"{kit}/client"],
        "raw": [build.PYTHON, str(build.HERE / "raw/client.py")],
    }[language]


def plan(d, language, servers, plan_, **truth):
    out = d / "out"
    file = d / "plan.json"
    file.write_text(json.dumps(plan_))
    return Truth([*client(language), str(file), str(out)], out, servers, **truth)


def sdk(d, client_language, s, mode="legacy", parallel=1, cwd=None, **truth):
    """A run of an SDK client that makes the server's planned calls."""
    p = {"argv": s.argv, "mode": mode, "parallel": parallel, "cwd": cwd,
         "calls": [{"tool": c.tool, "arguments": c.arguments} for c in s.calls]}
    return plan(d, client_language, [s], {k: v for k, v in p.items() if v is not None},
                sequential=parallel == 1, **truth)


def pairing(d, c, s, **options):
    srv = server(s, d / "s0")
    add_calls(srv, s, options.pop("n", CALLS))
    return sdk(d, c, srv, **options)


# --- raw clients ------------------------------------------------------------------------------------


def message(rpc_id, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": params}, separators=(",", ":"))


INITIALIZE = message(0, "initialize", protocolVersion="2025-11-25", capabilities={},
                     clientInfo={"name": "e2e-raw", "version": "1"})
INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}'


def add_raw(s, tool, status="ok", **more):
    """Plans a call of the raw server and returns its line; ids are 1, 2, ..."""
    arguments, effects = more, []
    if tool == "delete":
        p = s.path("victim", "x")
        arguments, effects = {"path": p} | more, [Effect("file.delete", p)]
    s.add(tool, arguments, *effects, status=status)
    return message(len(s.calls), "tools/call", name=tool, arguments=arguments)


def raw(d, servers, steps, bytewise=False, **truth):
    hello = [step for i in range(len(servers))
             for step in (["send", i, INITIALIZE], ["wait", i, 1], ["send", i, INITIALIZED])]
    return plan(d, "raw", servers, {"argvs": [s.argv for s in servers], "steps": hello + steps, "bytewise": bytewise},
                **truth)


def one_by_one(s, tools):
    steps = []
    for i, tool in enumerate(tools):
        steps += [["send", 0, add_raw(s, tool)], ["wait", 0, i + 2]]
    return steps


MIX = ["delete", "echo"] * (CALLS // 2) + ["delete"]


def raw_plain(d, *args, bytewise=False):
    s = server("raw", d / "s0", args=args)
    return raw(d, [s], one_by_one(s, MIX), bytewise)


def raw_pipelined(d):
    s = server("raw", d / "s0")
    n = 2000
    steps = [["send", 0, add_raw(s, "echo" if i % 10 else "delete")] for i in range(n)]
    return raw(d, [s], [*steps, ["wait", 0, n + 1]], sequential=False)


def raw_malformed(d):
    s = server("raw", d / "s0")
    steps = one_by_one(s, MIX)
    junk = ['{"jsonrpc":"2.0","id" 7,"method":"tools/call","params":{}}', "no JSON at all \udcff\udcfe", '{"jsonrpc":']
    for i, text in enumerate(junk):
        steps.insert(8 + 7 * i, ["send", 0, text])
    return raw(d, [s], steps, demand={"anomaly": len(junk)})


def raw_two_servers(d):
    servers = [server("raw", d / f"s{i}", args=["--delay", str(30 + 20 * i)]) for i in range(2)]
    steps = [["send", i, add_raw(s, tool, to=i)] for tool in MIX for i, s in enumerate(servers)]
    steps += [["wait", i, len(MIX) + 1] for i in (1, 0)]
    return raw(d, servers, steps, sequential=False)


def raw_namesake(d):
    """A server whose program is called mcpwatch."""
    s = server("raw", d / "s0")
    s.argv[0] = str(Path(s.argv[0]).with_name("mcpwatch"))
    s.exe = "mcpwatch"
    return raw(d, [s], one_by_one(s, MIX))


def raw_hostile(d):
    kit = build.prepare("raw")
    folder = d / "s0"
    s = Server([f"{kit}/hostile", str(folder)], "hostile", [str(folder)], folder)
    steps = []
    for i in range(CALLS):
        p = s.path("victim", "x")
        s.add("echo", {"n": i}, Effect("file.delete", p))
        steps += [["send", 0, message(i + 1, "tools/call", name="echo", arguments={"n": i})], ["wait", 0, i + 2]]
    # Its reading end is not to be believed, and saying so is right. When a request was read is then not
    # known either: its effects may be tied to nothing, but never to another call.
    return raw(d, [s], steps, demand={"anomaly": "any", "gap": "any", "evidence": "any"}, hostile=True)


def raw_secrets(d):
    """What names itself a secret stands nowhere in the records."""
    s = server("raw", d / "s0")
    s.secrets = {"password": "hunter2-Zq81", "api_key": "sk-live-Zq82", "authorization": "Bearer Zq83Zq83"}
    steps = []
    for i in range(CALLS):
        steps += [["send", 0, add_raw(s, "echo", note=f"plain {i}", **s.secrets)], ["wait", 0, i + 2]]
    return raw(d, [s], steps)


def raw_killed(d):
    s = server("raw", d / "s0")
    steps = one_by_one(s, MIX)
    steps += [["send", 0, add_raw(s, "hang", status="no_response")], ["sleep", 0.3], ["kill", 0]]
    return raw(d, [s], steps)


def raw_errors(d):
    s = server("raw", d / "s0")
    steps = []
    for i in range(CALLS):
        tool = "error" if i % 3 else "echo"
        steps += [["send", 0, add_raw(s, tool, status="rpc_error" if tool == "error" else "ok")], ["wait", 0, i + 2]]
    return raw(d, [s], steps)


# --- wrappers and sizes -----------------------------------------------------------------------------


def wrapped(d, language, template):
    """A server started through sh; $@ is its command."""
    s = server(language, d / "s0")
    add_calls(s, language)
    s.argv = ["/bin/sh", "-c", template, "sh", *s.argv]
    s.marks.append("!-c")
    return sdk(d, "py", s)


def npx(d):
    s = server("npm", d / "s0")
    add_calls(s, "npm")
    s.argv = [shutil.which("npx"), "--offline", "mcp-server-filesystem", str(s.folder)]
    s.marks = [".bin/mcp-server-filesystem"]
    return sdk(d, "py", s, cwd=str(build.prepare("npm")))


def big_py(d):
    s = server("py", d / "s0")
    for n in 1 << 20, 10 << 20, 100:
        add_big(s, n)
        add_delete(s)
    return sdk(d, "py", s)


def big_npm(d):
    s = server("npm", d / "s0")
    for n in 1 << 20, 10 << 20, 160:
        npm_read(s, n)
        npm_rename(s)
    return sdk(d, "py", s)


def case(f, *args, **options):
    return lambda d: f(d, *args, **options)


CASES = {
    "py-py": case(pairing, "py", "py", mode="auto"),
    "py-py-legacy": case(pairing, "py", "py"),
    "py-npm": case(pairing, "py", "npm"),
    "npm-npm": case(pairing, "npm", "npm"),
    "npm-py": case(pairing, "npm", "py"),
    "go-go": case(pairing, "go", "go"),
    "py-go": case(pairing, "py", "go", mode="auto"),
    "rust-rust": case(pairing, "rust", "rust"),
    "py-rust": case(pairing, "py", "rust", mode="auto"),
    "npm-go": case(pairing, "npm", "go"),
    "go-py": case(pairing, "go", "py"),
    "rust-py": case(pairing, "rust", "py"),
    "parallel-py": case(pairing, "py", "py", mode="auto", parallel=8, n=61),
    "parallel-npm": case(pairing, "npm", "npm", parallel=8, n=61),
    "parallel-go": case(pairing, "go", "go", parallel=8, n=61),
    "parallel-rust": case(pairing, "rust", "rust", parallel=8, n=61),
    "raw-plain": case(raw_plain),
    "raw-bytewise": case(raw_plain, "--bytewise", bytewise=True),
    "raw-fork": case(raw_plain, "--fork"),
    "raw-errors": case(raw_errors),
    "raw-pipelined": case(raw_pipelined),
    "raw-malformed": case(raw_malformed),
    "raw-two-servers": case(raw_two_servers),
    "raw-namesake": case(raw_namesake),
    "raw-hostile": case(raw_hostile),
    "raw-secrets": case(raw_secrets),
    "raw-killed": case(raw_killed),
    "wrapped-exec": case(wrapped, "py", 'exec "$@"'),
    "wrapped-sh": case(wrapped, "go", '"$@"; exit $?'),
    "wrapped-npx": case(npx),
    "big-py": case(big_py),
    "big-npm": case(big_npm),
}

# Those that are also replayed with events lost.
LOSS = ["py-py", "npm-npm", "go-go", "raw-plain", "raw-pipelined", "raw-two-servers"]
