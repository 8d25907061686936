# SPDX-License-Identifier: Apache-2.0
"""Shows that the checks can fail: right records pass, and each way of making them wrong is found."""

import copy
import json
import subprocess

from . import cases, check, matrix, wire

TIME = "2026-11-21T09:00:{:02}.{:09}Z"


def right_records(truth):
    """What a perfect observer would write of a run of one server."""
    s = truth.servers[0]
    server = {"id": "s1", "pid": 7, "exe": s.argv[0], "argv": s.argv}
    records = []

    def add(type_, **fields):
        n = len(records)
        records.append({"v": 1, "seq": n, "time": TIME.format(n // 100, n), "boot_ns": n + 1, "host": "h",
                        "type": type_} | fields)
        return n, records[-1]["time"]

    add("daemon", event="start")
    add("effect", kind="file.open", target="/etc/ld.so.cache", mode="r", result="ok", server={"id": "s1"}, link="none")
    add("server", event="seen", server=server, transport="stdio")
    for i, q in enumerate(s.requests):
        call, begin, effects = f"c{i}", None, []
        begin = TIME.format(len(records) // 100, len(records))
        for e in q.call.effects if q.call else []:
            tie = {"link": "argument", "confidence": "likely"}
            what = {"kind": e.kind, "target": e.target} | ({"mode": e.mode} if e.mode else {}) | {"result": e.result}
            seq, _ = add("effect", **what, server={"id": "s1"}, call=call, **tie)
            effects.append({"kind": e.kind, "target": e.target, "seqs": [seq], "n": 1} | tie | {"result": e.result})
        record = {"call": call, "dir": "c2s", "server": {"id": "s1"}, "session": "1", "transport": "stdio",
                  "rpc_id": q.rpc_id, "method": q.method}
        record |= {"tool": q.tool, "args": q.arguments} if q.method == "tools/call" else {}
        record |= {"status": q.status, "result": q.result, "begin": begin,
                   "end": TIME.format(len(records) // 100, len(records)), "elapsed_ms": 0.1}
        add("call", **record, **({"effects": effects} if effects else {}), evidence="complete")
    add("server", event="gone", server=server)
    add("daemon", event="stop")
    return records


def calls(records):
    return [r for r in records if r["type"] == "call" and r["method"] == "tools/call"]


def effects(records):
    return [r for r in records if r["type"] == "effect" and "call" in r]


def renumber(records):
    """Closes the holes in seq, so that only what is meant is wrong."""
    new = {r["seq"]: i for i, r in enumerate(records)}
    for i, r in enumerate(records):
        r["seq"] = i
        for e in r.get("effects", []):
            e["seqs"] = [new.get(seq, seq) for seq in e["seqs"]]


def swap_results(r):
    a, b = calls(r)[1], calls(r)[3]
    a["result"], b["result"] = b["result"], a["result"]


def wrong_tie(r):
    a, b = [c for c in calls(r) if "effects" in c][:2]
    a["effects"], b["effects"] = b["effects"], a["effects"]
    effects(r)[0]["call"], effects(r)[1]["call"] = effects(r)[1]["call"], effects(r)[0]["call"]


def no_effect(r):
    del calls(r)[0]["effects"]
    e = effects(r)[0]
    del e["call"]
    e["link"] = "none"


def drop_call(r):
    r.remove(calls(r)[2])


def second_server(r):
    other = copy.deepcopy(next(x for x in r if x["type"] == "server"))
    other["server"] |= {"id": "s2", "exe": "/bin/sh", "argv": ["sh", "-c", "x"]}
    r.append(other | {"seq": -1})


WRONG = {
    "a call missing": drop_call,
    "results of two calls swapped": swap_results,
    "an effect tied to another call": wrong_tie,
    "an effect tied to no call": no_effect,
    "a wrapper seen as a server": second_server,
    "no server": lambda r: [r.remove(x) for x in r if x["type"] == "server"],
    "a hole in seq": lambda r: r.pop(4),
    "a wrong status": lambda r: calls(r)[0].update(status="tool_error"),
    "a wrong id": lambda r: calls(r)[0].update(rpc_id='"1"'),
    "equal ids": lambda r: calls(r)[1].update(rpc_id=calls(r)[0]["rpc_id"]),
    "wrong arguments": lambda r: calls(r)[0].update(args={"path": "/"}),
    "start-up tied to a call": lambda r: r[1].update(call="c1", link="sole"),
    "a null": lambda r: r[2]["server"].update(name=None),
    "an empty text": lambda r: r[2].update(protocol=""),
    "an unknown field": lambda r: r[2].update(colour="red"),
    "keys out of order": lambda r: r[0].update(v=r[0].pop("v")),
    "an effect never happened": lambda r: effects(r)[0].update(kind="file.open"),
    "a failed effect": lambda r: effects(r)[0].update(result="ENOENT"),
    "a gap": lambda r: r.append({k: v for k, v in r[0].items() if k != "event"} | {"seq": -1, "type": "gap", "reason": "lost"}),
    "incomplete evidence": lambda r: calls(r)[0].update(evidence="incomplete"),
    "an end before its begin": lambda r: calls(r)[0].update(begin="2027-" + calls(r)[0]["begin"][5:]),
    "a record too long": lambda r: r[0].update(version="x" * 65536),
}


def lines(records):
    return b"".join(json.dumps(r).encode() + b"\n" for r in records)


def harness(binary, d):
    truth = cases.CASES["raw-plain"](d)
    subprocess.run(truth.argv, check=True, stdin=subprocess.DEVNULL)
    problems = truth.load()
    right = right_records(truth)
    problems += [f"right records: {p}" for p in check.everything(lines(right), truth)]
    for what, spoil in WRONG.items():
        wrong = copy.deepcopy(right)
        spoil(wrong)
        if what != "a hole in seq":
            renumber(wrong)
        if not check.everything(lines(wrong), truth):
            problems.append(f"not found: {what}")
    messages = [m for pair in zip(*truth.servers[0].lines.values()) for m in pair]
    messages += [m for q in truth.servers[0].lines.values() for m in q[len(messages) // 2:]]
    raw = b"".join(m + b"\n" for m in messages)
    problems += check.raw(raw, truth)
    for what, wrong in {"a byte": raw.replace(b"echo", b"ecko", 1), "a message": raw.split(b"\n", 3)[3],
                        "the last": raw[:raw[:-1].rindex(b"\n") + 1]}.items():
        if not check.raw(wrong, truth):
            problems.append(f"not found: raw without {what}")
    return problems


SSE = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
       b"5\r\nid: 1\r\n8\r\n\ndata: \n\r\n1\r\n\n\r\n")


def stream(sent, got):
    """A tap's file of one connection, its bytes in pieces."""
    rows = [(0, sent[i:i + 7]) for i in range(0, len(sent), 7)] + [(1, got[i:i + 5]) for i in range(0, len(got), 5)]
    return b"".join(wire.HEAD.pack(1, d, len(p)) + p for d, p in rows)


def matrix_harness(binary, d):
    """The tap's parsers find what passed, and the matrix finds what is wrong in records and raw messages."""
    ask = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}'
    reply = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
    post = b"POST /mcp HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(ask), ask)
    event = b"data: " + reply + b"\r\n\r\n"
    frame = bytes([0x81, 0x80 | len(reply)]) + b"key!" + bytes(c ^ b"key!"[i % 4] for i, c in enumerate(reply))
    upgrade = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n"
    kept = {
        "http": (post, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(reply), reply)),
        "sse": (post, SSE + b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event)),
        "lines": (ask + b"\n", reply + b"\n"),
        "websocket": (upgrade[0], upgrade[1] + frame),
    }
    problems, truths = [], {}
    for name, (sent, got) in kept.items():
        (d / name).write_bytes(stream(sent, got))
        truths[name] = wire.messages([d / name])
        want = [reply] if name == "websocket" else [ask, reply]
        if [m.bytes for m in truths[name]] != want:
            problems.append(f"{name}: {truths[name]}")
    truth = truths["http"]
    record = {"v": 1, "seq": 0, "time": TIME.format(0, 0), "boot_ns": 1, "host": "h", "type": "call", "call": "c1", "dir": "c2s",
              "server": {"id": "s1"}, "session": "1", "transport": "http", "http": {"method": "POST", "path": "/mcp", "status": 200},
              "rpc_id": "1", "method": "tools/call", "tool": "echo", "status": "ok", "evidence": "complete"}
    raw = ask + b"\n" + reply + b"\n"
    cell = matrix.Cell("py1", "http", "py1")

    def found(records, raw):
        ret = matrix.Result(messages=len(truth))
        matrix.compare(cell, ret, truth, matrix.calls_of(truth), lines(records), raw)
        return ret.problems

    problems += [f"right: {p}" for p in found([record], raw)]
    wrong = {
        "a message missing": ([record], ask + b"\n"), "a byte": ([record], raw.replace(b"echo", b"ecko")),
        "a message twice": ([record], raw + ask + b"\n"), "no record": ([], raw),
        **{f"another {k}": ([record | {k: v}], raw) for k, v in
           {"rpc_id": '"1"', "tool": "x", "status": "tool_error", "transport": "stdio", "dir": "s2c",
            "evidence": "incomplete", "http": {"method": "POST", "path": "/mcp", "status": 404}}.items()},
    }
    return problems + [f"not found: {what}" for what, (records, raw_) in wrong.items() if not found(records, raw_)]


CASES = {"harness": harness, "matrix-harness": matrix_harness}
