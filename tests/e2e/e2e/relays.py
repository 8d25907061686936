# SPDX-License-Identifier: Apache-2.0
"""Wrappers and relays between a client and its server: one call each, not two or three. Each case gets the
binary and a folder and returns problems."""

import collections
import json
import shutil
import sys

from . import build, check, matrix, wire

STEPS = [["tools"], *matrix.calls(("echo", {"text": "plain"}), ("echo", {"text": matrix.UNICODE}), ("fail", {})),
         *matrix.calls(("big", {"n": 100_000})),
         ["parallel", [["echo", {"text": f"p{i}"}] for i in range(8)]], ["ping"]]


def go_server():
    return [f"{matrix.kit('go')}/matrixserver", "stdio"]


def cat(d):
    return {"argv": ["/bin/sh", "-c", 'cat | "$@"', "sh", *go_server()]}


def cat_both(d):
    return {"argv": ["/bin/sh", "-c", 'cat | "$@" | cat', "sh", *go_server()]}


def tee(d):
    return {"argv": ["/bin/sh", "-c", 'tee /dev/null | "$@"', "sh", *go_server()]}


def npx(d):
    return {"argv": [shutil.which("npx"), "--offline", "mcp-server-everything", "stdio"], "cwd": matrix.kit("npm")}


def uvx(d):
    kit = matrix.kit("py")
    return {"argv": [f"{kit}/bin/uv", "run", "--quiet", "--offline", "--no-project", "--no-config", "--python", f"{kit}/bin/python",
                     "python", "-m", "mcp_server_time"], "env": {"UV_CACHE_DIR": str(d / "uv")}}


def remote(d):
    port = matrix.free_port()
    return {"argv": [matrix.node(), f"{matrix.kit('npm')}/remote.mjs", f"http://127.0.0.1:{port}/mcp"],
            "serve": [*matrix.SDK_SERVERS["go"](), "http", str(port)], "port": port}


def docker(d):
    relay = [sys.executable, build.HERE / "relay/docker.py"]
    return {"argv": [*relay, "run", d / "sock", *go_server()], "serve": [*relay, "daemon", d / "sock"], "port": str(d / "sock")}


TIME = [["tools"], *matrix.calls(("get_current_time", {"timezone": "UTC"}), ("get_current_time", {"timezone": "Zürich"}))]
EVERYTHING = [["tools"], *matrix.calls(("echo", {"message": matrix.UNICODE}), ("get-sum", {"a": 2, "b": 3})), ["ping"]]

# how it is set up; programs that read and pass on, from the client on; the server's program and a word of its
# command line; whether the bytes stay the same on the way
RELAYS = {
    "cat": (cat, ["cat"], "matrixserver", "matrixserver", True, STEPS),
    "cat-both": (cat_both, ["cat"], "matrixserver", "matrixserver", True, STEPS),
    "tee": (tee, ["tee"], "matrixserver", "matrixserver", True, STEPS),
    "npx": (npx, [], "node", "mcp-server-everything", True, EVERYTHING),
    "uvx": (uvx, [], "python", "mcp_server_time", True, TIME),
    "remote": (remote, ["node"], "matrixserver", "matrixserver", False, STEPS),
    "docker": (docker, ["python", "python"], "matrixserver", "matrixserver", True, STEPS),
}


def case(name, plain):
    setup, hops, exe, word, same, steps = RELAYS[name]

    def run(binary, d):
        plan = {"transport": "stdio", "client": matrix.CLIENTS["npm"](), "tap": f"{matrix.kit('tap')}/tap.so", "modern": False,
                "env": {}, "steps": steps} | setup(d)
        (d / "plan.json").write_text(json.dumps(plan, default=str))
        argv = [sys.executable, build.HERE / "matrix/drive.py", d / "plan.json", d / "out"]
        capture, records, raw = d / "capture", d / "records.jsonl", d / "raw"
        if plain:
            problems = matrix.start(argv, d, "session")
        else:
            problems = matrix.start([binary, "record", "--state", "none", "-o", capture, "--", *argv], d, "record")
            problems += matrix.start([binary, "replay", capture, "--output", records, "--raw", raw], d, "replay")
        truth = wire.messages(sorted(d.glob("out.*[0-9]")))
        problems += matrix.client_problems(d, steps, truth, matrix.Cell("relay", "stdio", "npm"))
        if problems or plain:
            return problems
        return compare(truth, records.read_bytes(), raw.read_bytes())

    def compare(truth, data, raw):
        records, problems = check.parse(data)
        problems += check.form(records)
        log = check.Log(records)
        want, got = collections.Counter(m.bytes for m in truth), collections.Counter(raw.split(b"\n")[:-1])
        if missing := want - got:
            problems.append(f"raw: {missing.total()} of the client's messages missing, first {matrix.shown(next(iter(missing)))}")
        if same and (more := got.keys() - want.keys()):  # a further hop may give the same bytes again
            problems.append(f"raw: {len(more)} messages nobody wrote, first {matrix.shown(next(iter(more)))}")
        by_key = collections.defaultdict(list)
        for r in log.by["call"]:
            by_key[r["dir"], r["rpc_id"], r["method"], r.get("tool")].append(r)
        seen = {r["server"]["id"]: r["server"] for r in log.by["server"] if r["event"] == "seen"}
        for q in matrix.calls_of(truth):
            mine = by_key.pop((q.dir, q.rpc_id, q.method, q.tool), [])
            what = f"{q.dir} {q.method} {q.tool or ''} id {q.rpc_id}"
            if len(mine) != 1:
                problems.append(f"{what}: {len(mine)} call records")
                continue
            r = mine[0]
            if r["status"] != q.status and not (q.status is None and r["status"] in ("no_response", "lost")):
                problems.append(f"{what}: status {r['status']}, expected {q.status}")
            server = seen.get(r["server"]["id"], {})
            if not server.get("exe", "").rsplit("/", 1)[-1].startswith(exe) or word not in " ".join(server.get("argv", [])):
                problems.append(f"{what}: its server is {server.get('exe')} {server.get('argv')}")
            on_the_way = [hop.get("exe", "").rsplit("/", 1)[-1] for hop in r.get("hops", [])]
            if len(on_the_way) != len(hops) or not all(h.startswith(w) for h, w in zip(on_the_way, hops)):
                problems.append(f"{what}: hops {r.get('hops')}, expected {hops}")
        problems += [f"{k} was never asked: {len(v)} call records" for k, v in by_key.items()]
        problems += [f"{len(log.by['gap'])} gap records: {log.by['gap'][:1]}"] if log.by["gap"] else []
        return problems

    return run


def all_cases(plain):
    return {f"relay-{name}": case(name, plain) for name in RELAYS}
