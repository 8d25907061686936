# SPDX-License-Identifier: Apache-2.0
"""How much, how fast, in which sizes: bursts of many servers, messages around every boundary. Each case gets
the binary and a folder and returns problems; what it measured goes to stderr."""

import collections
import json
import subprocess
import sys

from . import build, check

SERVERS, REQUESTS = 8, 2500  # 20,000 requests, as many answers
TIMEOUT = 300


def run(argv):
    p = subprocess.run(list(map(str, argv)), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
    if p.returncode:
        raise RuntimeError(f"{argv[1]}: exit status {p.returncode}: {p.stderr[-300:]!r}")


def said(text):
    print(f"      {text}", file=sys.stderr, flush=True)


def burst_lines(server):
    """What raw/burst.c writes: (request or notification lines, answer lines) of one server."""
    asks = [b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
            b'"clientInfo":{"name":"burst","version":"1"}}}', b'{"jsonrpc":"2.0","method":"notifications/initialized"}']
    answers = [b'{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":'
               b'{"name":"burst-%d","version":"1"}}}' % server]
    for i in range(1, REQUESTS + 1):
        asks.append(b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":'
                    b'{"server":%d,"n":%d}}}' % (i, server, i))
        answers.append(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"%d of %d"}]}}' % (i, i, server))
    return asks, answers


def burst_truth():
    return collections.Counter(line for s in range(SERVERS) for lines in burst_lines(s) for line in lines)


def burst_replay(binary, d, *ring):
    capture, records, raw = d / "capture", d / "records.jsonl", d / "raw"
    run([binary, "record", "--state", "none", *ring, "-o", capture, "--", build.prepare("raw") / "burst", SERVERS, REQUESTS])
    run([binary, "replay", capture, "--output", records, "--raw", raw])
    log = check.Log(check.parse(records.read_bytes())[0])
    got = collections.Counter(raw.read_bytes().split(b"\n")[:-1])
    return log, burst_truth() - got, got - burst_truth()


def complete(log):
    """Problems of the records of a burst that must all be there."""
    tools = [r for r in log.by["call"] if r["method"] == "tools/call"]
    problems = check.form(log.records[:2000])  # the form of the rest is no other
    if len(tools) != SERVERS * REQUESTS:
        problems.append(f"{len(tools)} tools/call records of {SERVERS * REQUESTS}")
    wrong = [r for r in tools if r["status"] != "ok" or r["evidence"] != "complete"
             or r["rpc_id"] != json.dumps(r["args"]["n"])
             or r["result"]["content"][0]["text"] != f"{r['args']['n']} of {r['args']['server']}"]
    problems += [f"{len(wrong)} wrong records, first {json.dumps(wrong[0])[:300]}"] if wrong else []
    problems += [f"{len(log.by[t])} {t} records: {log.by[t][:1]}" for t in ("gap", "anomaly") if log.by[t]]
    return problems


def burst(binary, d):
    """Live, on the default ring: all."""
    records = d / "records.jsonl"
    run([binary, "exec", "--state", "none", "--quiet", "--output", records, "--", build.prepare("raw") / "burst", SERVERS, REQUESTS])
    log = check.Log(check.parse(records.read_bytes())[0])
    said(f"{len(log.by['call'])} call records of {SERVERS * (REQUESTS + 1)}, {len(log.by['gap'])} gaps")
    return complete(log)


def burst_recorded(binary, d):
    """Recorded, on the default ring: all, byte for byte."""
    log, missing, more = burst_replay(binary, d)
    problems = complete(log)
    return problems + ([f"raw: {missing.total()} messages missing, {more.total()} nobody wrote"] if missing or more else [])


def burst_small_ring(binary, d):
    """On a ring that is far too small: what is missing lies in gaps, and nothing else is claimed. Of a pipe's last bytes
    nothing shows how many they were, if no event behind them came through: they are among the events lost."""
    log, missing, more = burst_replay(binary, d, "--ring", 65536)
    lost = known = 0
    for server in range(SERVERS):
        for lines in burst_lines(server):
            gone = [len(m) + 1 if m in missing else 0 for m in lines]
            seen = [i for i, n in enumerate(gone) if not n]
            lost += sum(gone)
            known += sum(gone[:seen[-1]]) if seen else 0
    gaps = sum(r.get("bytes", 0) for r in log.by["gap"])
    events = sum(r.get("events", 0) for r in log.by["gap"])
    said(f"{missing.total()} of {burst_truth().total()} messages missing, {lost} bytes, {known} of them before one that "
         f"is there; {len(log.by['gap'])} gaps of {gaps} bytes, {events} events")
    problems = check.form(log.records[:2000])  # the form of the rest is no other
    if more:
        problems.append(f"raw: {more.total()} messages nobody wrote, first {next(iter(more))[:100]!r}")
    if not missing:
        problems.append("nothing was lost: this case shows nothing")
    if gaps < known or (known < lost and not events):
        problems.append(f"{lost} bytes of messages are missing, {known} of them known to be, the gaps say {gaps} and {events} events")
    ids = collections.Counter()
    for r in log.by["call"]:
        if r["method"] != "tools/call":
            continue
        ids[r["args"]["server"], r["rpc_id"]] += 1
        if r["evidence"] == "complete" and (r["status"] != "ok" or r["result"]["content"][0]["text"]
                                            != f"{r['args']['n']} of {r['args']['server']}"):
            problems.append(f"complete and wrong: {json.dumps(r)[:300]}")
    problems += [f"call {k} is recorded {n} times" for k, n in ids.items() if n > 1][:5]
    return problems


def sizes(carrier):
    def case(binary, d):
        capture, records, raw, out = d / "capture", d / "records.jsonl", d / "raw", d / "out"
        run([binary, "record", "--state", "none", "-o", capture, "--", build.prepare("raw") / "sizes", carrier, out])
        run([binary, "replay", capture, "--output", records, "--raw", raw])
        c2s, s2c = [(d / f"out.{x}").read_bytes().split(b"\n")[:-1] for x in ("c2s", "s2c")]
        got = raw.read_bytes().split(b"\n")[:-1]
        said(f"{carrier}: {len(c2s) + len(s2c)} messages, {sum(map(len, c2s + s2c)) / (1 << 20):.1f} MiB")
        problems = []
        for name, want in ("c2s", c2s), ("s2c", s2c):
            mine = set(want)
            in_order = [m for m in got if m in mine]
            if in_order != want:
                at = next((i for i, (a, b) in enumerate(zip(in_order, want)) if a != b), min(len(in_order), len(want)))
                problems.append(f"raw {name}: {len(in_order)} messages of {len(want)}; first difference at {at}: "
                                f"{want[at][:100]!r} ({len(want[at])} bytes)" if at < len(want) else
                                f"raw {name}: {len(in_order)} messages of {len(want)}")
        known = set(c2s) | set(s2c)
        if more := [m for m in got if m not in known]:
            problems.append(f"raw: {len(more)} messages nobody wrote, first {more[0][:100]!r} ({len(more[0])} bytes)")
        log = check.Log(check.parse(records.read_bytes())[0])
        problems += check.form(log.records)
        calls = [r for r in log.by["call"] if r["method"] == "tools/call"]
        if len(calls) != len(s2c) - 1:
            problems.append(f"{len(calls)} calls recorded of {len(s2c) - 1}")
        bad = [r for r in calls if r["status"] != "ok" or r["evidence"] != "complete"]
        problems += [f"{len(bad)} calls not ok and complete, first {json.dumps(bad[0])[:200]}"] if bad else []
        want = "stream" if carrier.startswith("tcp") else "stdio"
        problems += [f"transport {t}" for t in {r["transport"] for r in calls} - {want}]
        problems += [f"{len(log.by[t])} {t} records: {log.by[t][:1]}" for t in ("gap", "anomaly") if log.by[t]]
        return problems
    return case


CASES = {"burst": burst, "burst-recorded": burst_recorded, "burst-small-ring": burst_small_ring}
CASES |= {f"sizes-{carrier}": sizes(carrier) for carrier in ("pipe", "unix", "tcp4", "tcp6")}
