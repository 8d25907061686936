# SPDX-License-Identifier: Apache-2.0
"""`compare`: audit trails that real servers write themselves, as they are and with lies in them. Each case gets the
binary and a folder and returns problems."""

import base64
import copy
import datetime
import json
import os
import random
import shutil
import subprocess
import time

from . import build
from .badinput import expect

NODE = shutil.which("node") or "node"


def plan_calls(d):
    """Tools and arguments; one fails, one has a secret, two are alike."""
    calls = [("write_file", {"path": f"{d}/f{i}.txt", "text": f"höllo {i}"}) for i in range(5)]
    calls += [("read_file", {"path": f"{d}/f1.txt"}), ("read_file", {"path": f"{d}/none.txt"}),
              ("read_file", {"path": f"{d}/f1.txt"}), ("login", {"user": "bob", "password": "hunter2-and-more"}),
              ("delete_file", {"path": f"{d}/f2.txt"}), ("delete_file", {"path": f"{d}/f3.txt"})]
    return calls


def run_server(binary, d, argv):
    """The server under a real client, watched: the file of records."""
    plan, log = d / "plan.json", d / "records.jsonl"
    calls = [{"tool": t, "arguments": a} for t, a in plan_calls(d)]
    plan.write_text(json.dumps({"argv": list(map(str, argv)), "parallel": 1, "mode": "legacy", "calls": calls}))
    subprocess.run([binary, "exec", "--state", "none", "--quiet", "--output", log, "--", build.prepare("py") / "bin/python",
                    build.HERE / "py/client.py", plan, d / "client"], check=True, timeout=180, capture_output=True, text=True)
    return log


def compare(binary, trail, log, *options):
    """Exit status, the findings but the sums, the sums, and stderr."""
    p = subprocess.run([binary, "compare", trail, "--log", log, "--json", *map(str, options)], capture_output=True, text=True,
                       timeout=180)
    rows = [json.loads(line) for line in p.stdout.splitlines()]
    return p.returncode, [r for r in rows if r["finding"] != "sum"], rows[-1] if rows else {}, p.stderr


def shape(f):
    """A finding as what the tests name: verdict, call's rpc id, trail's line, what differs."""
    return (f["finding"], f.get("host", {}).get("id"), f.get("trail", {}).get("line"),
            [x["about"] for x in f.get("differs", []) if "undecided" not in x])


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def lies(rows, which, later):
    """Each a name, what becomes of the trail, and what must be found. `which`: index of the entry of the first deletion;
    `later` moves an entry's time."""
    true = rows[which]
    call_id = str(true.get("request_id") or true["req"]["id"])
    args = "arguments" if "arguments" in true else "args"

    def change(**members):
        changed = copy.deepcopy(rows)
        changed[which] |= members
        return changed

    other = true[args]["path"].replace("f2", "f4")
    invented = copy.deepcopy(true) | {args: {"path": "/etc/passwd"}, "target": "/etc/passwd"}
    if "req" in invented:
        invented["req"] = {"id": 4711}
    else:
        invented["request_id"] = "4711"
    doubled = copy.deepcopy(rows) + [copy.deepcopy(true)]
    return [
        ("nothing", rows, 0, []),
        ("a call omitted", [r for r in rows if r.get("request_id", r.get("req", {}).get("id")) != (true.get("request_id") or true["req"]["id"])],
         3, [("seen_not_claimed", call_id, None, [])]),
        ("a call invented", rows[:which] + [invented] + rows[which:], 3, [("claimed_not_seen", None, which + 1, [])]),
        ("a target changed", change(target=other), 3, [("differs", call_id, which + 1, ["target"])]),
        ("target and arguments changed", change(target=other, **{args: {"path": other}}), 3,
         [("differs", call_id, which + 1, ["arguments", "target"])]),
        ("a late entry", change(**later(true)), 3, [("differs", call_id, which + 1, ["time"])]),
        ("another tool", change(tool="read_file"), 3, [("differs", call_id, which + 1, ["tool"])]),
        ("claimed twice", doubled, 3, [("claimed_again", call_id, len(doubled), [])]),
    ]


def check_lies(binary, d, trail, log, table):
    problems = []
    for name, rows, code, want in table:
        got, findings, sums, err = compare(binary, write(d / "lie", rows), log)
        found = [shape(f) for f in findings]
        if got != code or found != want:
            problems.append(f"{name}: exit status {got}, {found} {err[-200:]}, expected {code}, {want}")
        # what the trail holds of secrets is not printed
        if "hunter2" in json.dumps(findings):
            problems.append(f"{name}: the password is printed")
    code, findings, sums, err = compare(binary, trail, log, "--all")
    calls = len(plan_calls(d))
    if (code, sums.get("agrees"), len(findings), sums.get("calls")) != (0, calls, calls, calls):
        problems.append(f"the trail as it is: {code} {sums} {err}")
    if "hunter2" in json.dumps(findings):
        problems.append("the password is printed")
    return problems


def fastmcp(binary, d, *how):
    python = build.prepare("py") / "bin/python"
    trail = d / "trail"
    return trail, run_server(binary, d, [python, build.HERE / "py/audit_server.py", trail, *how])


def python_json(binary, d):
    trail, log = fastmcp(binary, d)
    rows = [json.loads(line) for line in trail.read_text().splitlines()]

    def later(row):
        at = datetime.datetime.strptime(row["asctime"], "%Y-%m-%d %H:%M:%S,%f") + datetime.timedelta(seconds=60)
        return {"asctime": at.strftime("%Y-%m-%d %H:%M:%S,") + f"{at.microsecond // 1000:03}"}

    which = next(i for i, r in enumerate(rows) if r.get("tool") == "delete_file")
    problems = check_lies(binary, d, trail, log, lies(rows, which, later))

    # a wrong outcome; without ids; without ids and arguments, the right one is still named
    def without(*names):
        return [{k: v for k, v in r.items() if k not in names} for r in rows]

    deletion = rows[which]["request_id"]
    failed = copy.deepcopy(rows)
    hidden = next(i for i, r in enumerate(failed) if r.get("outcome") == "error")
    failed[hidden]["outcome"] = "ok"
    for name, changed, want in [
            ("a failure hidden", failed, [("differs", rows[hidden]["request_id"], hidden + 1, ["outcome"])]),
            ("no ids, one omitted", [r for i, r in enumerate(without("request_id")) if i != which],
             [("seen_not_claimed", deletion, None, [])]),
            ("no ids nor arguments, one omitted", [r for i, r in enumerate(without("request_id", "arguments", "target")) if i != which],
             [("seen_not_claimed", deletion, None, [])])]:
        code, findings, _, err = compare(binary, write(d / "lie", changed), log)
        if code != 3 or [shape(f) for f in findings] != want:
            problems.append(f"{name}: exit status {code}, {[shape(f) for f in findings]} {err}, expected {want}")

    # the same trail with other names, through a map
    names = {"asctime": "at", "request_id": "rpc", "tool": "fn", "arguments": "kwargs", "target": "object", "outcome": "verdict"}
    renamed = [{"e": {names.get(k, k): {"ok": "fine", "error": "bad"}.get(v, v) if k == "outcome" else v for k, v in r.items()}} for r in rows]
    (d / "map.yaml").write_text("id: e.rpc\ntool: e.fn\nargs: e.kwargs\ntarget: e.object\noutcome: e.verdict\ntime: e.at\n"
                                "ok: [fine]\nerror: [bad]\nonly:\n  e.message: 'tool *'\n")
    got = compare(binary, write(d / "lie", renamed), log, "--map", d / "map.yaml", "--all")
    if got[0] != 0 or got[2].get("agrees") != len(plan_calls(d)):
        problems.append(f"through a map: {got[0]} {got[2]} {got[3]}")
    problems += expect([binary, "compare", d / "lie", "--log", log], 1, ["none of 12 lines"])
    return problems + other_logs(binary, d, trail, log)


def other_logs(binary, d, trail, log):
    """The log is not whole, of another server, or has a gap."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    hole = d / "hole.jsonl"
    write(hole, [r for i, r in enumerate(rows) if i != len(rows) // 2])
    problems = expect([binary, "compare", trail, "--log", hole], 3, ["not whole"])
    problems += expect([binary, "compare", trail, "--log", log, "--server", "nobody"], 1, ["no server of that name"])
    # a call of which events were lost is not held against the server
    lost = copy.deepcopy(rows)
    gone = next(r for r in lost if r["type"] == "call" and r.get("tool") == "delete_file")
    for r in lost:
        if r.get("call") == gone["call"]:
            r["type"] = "notice"
    lost[-2] |= {"type": "gap", "reason": "lost", "from": gone["begin"], "to": gone["end"]}
    code, findings, sums, err = compare(binary, trail, write(d / "lost.jsonl", lost), "--tolerance", 0.001)
    want = [("undecided", None, next(i for i, line in enumerate(trail.read_text().splitlines(), 1) if "delete_file" in line), [])]
    if code != 0 or [shape(f) for f in findings] != want:
        problems.append(f"a gap: {code} {findings} {err}")
    # and the log's own records are a trail too
    code, findings, sums, err = compare(binary, log, log, "--all")
    if code != 0 or sums.get("agrees") != len(plan_calls(d)):
        problems.append(f"own records: {code} {sums} {err}")
    return problems


def logfmt(binary, d):
    trail, log = fastmcp(binary, d, "logfmt")
    problems = []
    for name, lines, code, want in [
            ("as it is", trail.read_text().splitlines(), 0, 0),
            ("one omitted", [x for x in trail.read_text().splitlines() if "f2.txt" not in x or "delete_file" not in x], 3, 1)]:
        (d / "lie").write_text("\n".join(lines) + "\n")
        got, findings, sums, err = compare(binary, d / "lie", log)
        if got != code or sums.get("seen_not_claimed") != want or len(findings) != want:
            problems.append(f"{name}: {got} {findings} {err}")
    (d / "lie").write_text(trail.read_text()[:-1])
    return problems + expect([binary, "compare", d / "lie", "--log", log], 1, ["cut off"])


def pino(binary, d):
    if not shutil.which("node"):
        raise build.Missing("node is not installed")
    trail = d / "trail"
    log = run_server(binary, d, [NODE, build.HERE / "trail/pino_server.mjs", build.prepare("npm"), trail])
    rows = [json.loads(line) for line in trail.read_text().splitlines()]
    # of its two lines a call, the lies are told in the one that ends it
    which = next(i for i, r in enumerate(rows) if r.get("tool") == "delete_file" and "success" in r)
    table = lies(rows, which, lambda row: {"time": row["time"] + 60_000})
    # the line as the call begins tells the truth about it: what is changed is found in the other
    call_id = str(rows[which]["req"]["id"])
    want = {"target and arguments changed": [("claimed_not_seen", None, which + 1, [])],
            "another tool": [("claimed_not_seen", None, which + 1, [])]}
    table = [(name, r, code, want.get(name, w)) for name, r, code, w in table]
    problems = check_lies(binary, d, trail, log, table)
    # and where both say it
    both = copy.deepcopy(rows)
    for r in both:
        if r.get("req", {}).get("id") == rows[which]["req"]["id"]:
            r["time"] += 60_000
    code, findings, _, err = compare(binary, write(d / "lie", both), log)
    if code != 3 or ("differs", call_id, which, ["time"]) not in [shape(f) for f in findings]:
        problems.append(f"both lines late: {code} {[shape(f) for f in findings]} {err}")
    return problems


def signed(binary, d):
    if not shutil.which("openssl"):
        raise build.Missing("openssl is not installed")
    trail, log = fastmcp(binary, d)
    key, public = d / "key.pem", d / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)

    def signature(data):
        (d / "data").write_bytes(data)
        subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", d / "data", "-out", d / "sig"], check=True, capture_output=True)
        return (d / "sig").read_bytes()

    rows = trail.read_text().splitlines()
    lines = d / "lines"
    lines.write_text("".join(f'{x[:-1]}, "sig": "{base64.b64encode(signature(x.encode())).decode()}"}}\n' for x in rows))
    args = ["--log", log, "--pubkey", public]
    problems = expect([binary, "compare", lines, *args], 0, ["each line by itself"])
    forged = d / "forged"
    forged.write_text(lines.read_text().replace("f2.txt", "f4.txt"))
    at = next(i for i, x in enumerate(rows, 1) if "f2.txt" in x)
    problems += expect([binary, "compare", forged, *args], 3, [f"forged: line {at}: its signature is wrong"])
    problems += expect([binary, "compare", trail, *args], 3, ["line 1: it bears no signature"])
    for data in signature(trail.read_bytes()), base64.b64encode(signature(trail.read_bytes())):
        (d / "trail.sig").write_bytes(data)
        problems += expect([binary, "compare", trail, *args], 0, ["the whole file"])
    with open(trail, "a") as f:
        f.write(rows[-1] + "\n")
    problems += expect([binary, "compare", trail, *args], 3, ["trail.sig is wrong"])
    problems += expect([binary, "compare", trail, "--log", log, "--pubkey", d / "none"], 1, ["none"])
    if shutil.which("ssh-keygen"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", d / "ssh"], check=True)
        (d / "trail.sig").unlink()
        trail.write_text("\n".join(rows) + "\n")
        subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-f", d / "ssh", "-n", "file", trail], check=True, capture_output=True)
        problems += expect([binary, "compare", trail, "--log", log, "--pubkey", d / "ssh.pub"], 0, ["the whole file"])
        problems += expect([binary, "compare", trail, *args], 3, ["trail.sig is wrong"])
    return problems


HEAD = {"v": 1, "boot_ns": 1, "host": "h"}
BASE = 1_795_286_770


def stamp(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns % 10**9:09}Z"


def made_log(path, calls, step=1_000_000):
    """A log of so many calls, one each `step` ns."""
    server = {"id": "s1", "key": "/bin/s uid=0", "name": "made"}
    with open(path, "w") as f:
        seq = 0

        def rec(type_, ns, **more):
            nonlocal seq
            f.write(json.dumps(HEAD | {"seq": seq, "time": stamp(ns), "type": type_} | more) + "\n")
            seq += 1

        rec("daemon", BASE * 10**9, event="start")
        rec("server", BASE * 10**9, event="seen", server=server, tier={"io": "clear"})
        for i in range(calls):
            at = BASE * 10**9 + i * step
            rec("call", at + 1000, call=f"c{i}", dir="c2s", server=server, rpc_id=str(i % 1000), method="tools/call", tool="read_file",
                args={"path": f"/srv/d{i % 100}/{i}"}, args_bytes=9, status="ok", begin=stamp(at), end=stamp(at + 1000),
                effects=[{"kind": "file.open", "target": f"/srv/d{i % 100}/{i}", "n": 1}], effects_n=1, evidence="complete")
        rec("daemon", BASE * 10**9 + calls * step + 10**9, event="stop")
    return path


def entry(i, step=1_000_000):
    at = BASE * 10**9 + i * step + 500
    return json.dumps({"timestamp": stamp(at), "request_id": i % 1000, "tool": "read_file", "outcome": "ok",
                       "arguments": {"path": f"/srv/d{i % 100}/{i}"}, "target": f"/srv/d{i % 100}/{i}"})


def bad_trails(binary, d):
    log, trail = made_log(d / "log.jsonl", 20), d / "bad"
    good = "".join(entry(i) + "\n" for i in range(20))
    problems = []

    def bad(name, data, says, code=1, *options):
        trail.write_bytes(data if isinstance(data, bytes) else data.encode())
        problems.extend(f"{name}: {p}" for p in expect([binary, "compare", trail, "--log", log, *options], code, says, one_line=code == 1))

    bad("good", good, [], 0)
    bad("binary", random.Random(5).randbytes(200_000), ["bad"])
    bad("binary later", good.encode() + random.Random(5).randbytes(200_000), ["line 21"])
    for n in range(1, len(entry(19)), 7):
        bad(f"cut by {n}", good[:-1 - n], ["line 20", "byte"])
    bad("newer records", json.dumps(HEAD | {"v": 9, "seq": 0, "type": "call"}) + "\n", ["newer mcpwatch", "line 1"])
    bad("10 MiB", good + '{"tool":"' + "x" * (10 << 20) + '"}\n', ["line 21", "longer"])
    bad("10 MiB without an end", b"{" + b"x" * (10 << 20), ["line 1", "longer"])
    bad("deep", good + '{"tool":"x","args":' + "[" * 100_000 + "]" * 100_000 + "}\n", ["line 21", "deep"])
    bad("deep arguments", good + '{"tool":"x","args":' + '{"a":' * 120 + "1" + "}" * 120 + "}\n", [], 0)
    bad("NUL bytes", good + '{"tool":"x"}\0\n', ["line 21"])
    bad("two tools", good + '{"tool":"x","tool":"y"}\n', ["line 21", "twice"])
    bad("no entries", '{"a":1}\n' * 5, ["none of 5 lines"])
    bad("another format", good, ["line 1"], 1, "--format", "logfmt")
    bad("empty", "", ["is empty"], 3)
    bad("blank lines", "\n\n \n" + good, [], 0)
    for name in "none", ".":
        problems += expect([binary, "compare", d / name, "--log", log], 1, [name])
    problems += expect([binary, "compare", "/dev/null", "--log", log], 1, ["/dev/null"])
    problems += expect([binary, "compare", trail, "--log", d / "nolog"], 1, ["nolog"])
    # text of the trail that would write on the terminal
    trail.write_text(good + json.dumps({"timestamp": stamp(BASE * 10**9 + 500), "tool": "\x1b[2J\u202eevil", "target": "/\x1b]0;x\x07"}) + "\n")
    p = subprocess.run([binary, "compare", trail, "--log", log], capture_output=True, timeout=180)
    if p.returncode != 3 or any(c in p.stdout + p.stderr for c in b"\x1b\x07") or "\u202e".encode() in p.stdout:
        problems.append(f"escapes: {p.returncode} {p.stdout[-300:]!r}")
    for argv in ([], [trail, trail], [trail, "--tolerance", "x"], [trail, "--tolerance", "-1"], [trail, "--since", "never"],
                 [trail, "--format", "xml"], [trail, "--format", "json", "--map", "x"], [trail, "--log"]):
        problems += expect([binary, "compare", *argv], 2)
    (d / "map.yaml").write_text("tool: [\n")
    problems += expect([binary, "compare", trail, "--log", log, "--map", d / "map.yaml"], 1, ["map.yaml"])
    # nothing decided: the log is of another time
    trail.write_text(json.dumps({"timestamp": "2020-01-01T00:00:00Z", "tool": "x"}) + "\n")
    return problems + expect([binary, "compare", trail, "--log", made_log(d / "empty.jsonl", 0)], 1, ["nothing could be decided"], one_line=False)


def measured(argv, stdout):
    """Seconds and MiB of one run."""
    begin = time.monotonic()
    p = subprocess.Popen(list(map(str, argv)), stdout=stdout, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(p.pid, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - begin, usage.ru_maxrss / 1024, p.stderr.read()


def ten_million(binary, d):
    """10 million lines, most of them no entries; then a million that are all invented, each held against many calls."""
    calls, lines, problems = 100_000, 10_000_000, []
    log, trail = made_log(d / "log.jsonl", calls), d / "big"
    other = "".join(f'{{"timestamp":"{stamp(BASE * 10**9)}","level":"INFO","message":"heartbeat {i}"}}\n' for i in range(lines // calls - 1))
    with open(trail, "w") as f:
        for i in range(calls):
            f.write(entry(i) + "\n" + other)
    for name, code, want in ("entries among other lines", 0, "agree"), ("all invented", 3, "claimed but not seen"):
        with open(d / "out", "wb") as out:
            got, seconds, mib, err = measured([binary, "compare", trail, "--log", log], out)
        size = trail.stat().st_size
        last = subprocess.run(["tail", "-n1", d / "out"], capture_output=True, text=True).stdout.strip()
        print(f"      {name}: {size / 1e9:.2f} GB, {lines} lines, {calls} calls: {seconds:.1f} s, {mib:.0f} MiB: {last}")
        if got != code or want not in last or mib > 300:
            problems.append(f"{name}: exit status {got}, {mib:.0f} MiB, {last} {err[-200:]!r}")
        (d / "out").unlink()
        block = "".join(f'{{"timestamp":"{stamp(BASE * 10**9 + i * 1000)}","id":"x{i}","tool":"read_file","args":{{"path":"/no/{i}"}}}}\n'
                        for i in range(10_000))
        lines = 1_000_000
        with open(trail, "w") as f:
            for _ in range(lines // 10_000):
                f.write(block)
    return problems


CASES = {f"trail-{f.__name__.replace('_', '-')}": f for f in (python_json, logfmt, pino, signed, bad_trails)}
LONG = {"trail-ten-million": ten_million}
