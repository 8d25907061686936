# SPDX-License-Identifier: Apache-2.0
"""Questions to the records of a real run: log, show, servers, tools; on terminals of any width, through pagers and
closed pipes, over hostile names and logs that are not whole. Each case gets the binary and a folder and returns problems."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

from . import sealed

WAIT = 60
EVIL = "evil\x1b[2J\u202egpj.txt"


def run(binary, *args, env=None, code=0, problems=None):
    p = subprocess.run([binary, *map(str, args)], capture_output=True, timeout=WAIT, env=os.environ | (env or {}), stdin=subprocess.DEVNULL)
    if problems is not None and p.returncode != code:
        problems.append(f"{' '.join(map(str, args))}: exit status {p.returncode}, not {code}: {p.stderr[-300:]!r}")
    return p


def lines(binary, problems, *args):
    return run(binary, *args, problems=problems).stdout.decode().splitlines()


def records(binary, problems, *args):
    return [json.loads(x) for x in lines(binary, problems, *args, "--json")]


def make(binary, d):
    """A server whose tools read, write, delete and talk."""
    work = d / "work"
    work.mkdir()
    (work / "secret.key").write_text("k")
    (work / "old.txt").write_text("x")
    p = sealed.run(binary, d,
                   f"open('{work}/secret.key').read()",
                   f"__import__('os').unlink('{work}/old.txt')",
                   "s = __import__('socket').socket(); s.connect_ex(('127.0.0.1', 9))",
                   f"open({str(work / EVIL)!r}, 'w').close()",
                   "r.update(isError=True)")
    return work, [] if p.returncode == 0 else [f"exec: {p.returncode}: {p.stderr[-300:]!r}"]


def hunt(binary, d):
    """Each question of a hunt is answered by one command."""
    work, problems = make(binary, d)
    log = "--log", d / "log"
    calls = {r["rpc_id"]: r["call"] for r in records(binary, problems, "log", *log, "--type", "call") if r["method"] == "tools/call"}
    if len(calls) != 5:
        return problems + [f"{len(calls)} calls"]
    questions = [
        ("1", "--target", work / "secret.key"), ("1", "--target", "*.key"), ("1", "--target", f"{d}/**/secret.key"),
        ("2", "--kind", "file.delete"), ("2", "--kind", "file.delete", "--target", f"{work}/"),
        ("3", "--target", "127.0.0.0/8"), ("3", "--target", "127.0.0.1"), ("3", "--target", ":9"), ("3", "--kind", "net.*"),
        ("5", "--status", "*_error"), ("5", "--status", "!ok"),
        ("2", "--target", f"{work}/**", "--kind", "file.delete", "--since", "1 hour ago", "--tool", "do"),
    ]
    for number, *filters in questions:
        want = calls[number]
        said = [r for r in records(binary, problems, "log", *log, *filters, "--type", "call") if r["method"] == "tools/call"]
        if [r["call"] for r in said] != [want]:
            problems.append(f"{filters}: calls {[r['call'] for r in said]}, not {want}")
        text = lines(binary, problems, "log", *log, *filters)
        if not text or not all(want in x for x in text):
            problems.append(f"{filters}: {text}")
        if number != "5" and not any(re.search(r" (file|net)\.\w+ +\w+ +\S", x) for x in text):
            problems.append(f"{filters}: no line of an effect: {text}")
    for args in ("--target", "10.0.0.0/8"), ("--until", "2 days ago"), ("--tool", "!do", "--type", "call", "--grep", "tools/call"):
        if run(binary, "log", *log, *args, problems=problems).stdout:
            problems.append(f"{args}: something is found")
    # show by the beginning of an id, by a record's number, by an effect's
    by_prefix = run(binary, "show", *log, calls["3"], problems=problems).stdout
    if b"net.connect 127.0.0.1:9" not in by_prefix:
        problems.append(f"show: {by_prefix!r}")
    effect = records(binary, problems, "log", *log, "--kind", "file.delete", "--type", "effect")[0]
    shown = run(binary, "show", *log, effect["seq"], problems=problems).stdout.decode()
    if calls["2"] not in shown or "why: " not in shown:
        problems.append(f"show {effect['seq']}: {shown}")
    of = json.loads(run(binary, "show", *log, "--json", effect["seq"], problems=problems).stdout).get("calls", [])
    if [c["call"] for c in of] != [calls["2"]]:
        problems.append(f"show {effect['seq']}: the calls {[c.get('call') for c in of]}")
    why = run(binary, "show", *log, "--why", calls["2"], problems=problems).stdout.decode()
    if "keyed hash" not in why or "why: " not in why or "records    request" not in why:
        problems.append(f"show --why: {why}")
    return problems + known(binary, problems, log, work)


def known(binary, problems, log, work):
    server = records(binary, problems, "servers", *log)
    if len(server) != 1 or server[0]["server"] != "s" or server[0]["clients"] != ["c"] or server[0]["failed"] != 1 or server[0]["state"] != "gone":
        problems.append(f"servers: {server}")
    tool = records(binary, problems, "tools", *log, "do")
    t = tool[0] if tool else {}
    if len(tool) != 1 or t["calls"] != 5 or t["statuses"] != {"ok": 4, "tool_error": 1} or t["hosts"][0]["name"] != "127.0.0.1":
        problems.append(f"tools: {tool}")
    if {str(work / "old.txt"), str(work / EVIL)} - {w["name"] for w in t.get("written", [])}:
        problems.append(f"tools: written: {t.get('written')}")
    if not 0 < t.get("median_ms", 0) <= t.get("max_ms", 0):
        problems.append(f"tools: {t.get('median_ms')} of {t.get('max_ms')}")
    narrow = records(binary, problems, "tools", *log, "--target", work / "secret.key")
    if [(n["tool"], n["calls"]) for n in narrow] != [("do", 1)]:
        problems.append(f"tools --target: {narrow}")
    if b"TOOL" not in run(binary, "tools", *log, problems=problems).stdout:
        problems.append("tools: no table")
    run(binary, "tools", *log, "nosuch", code=1, problems=problems)
    return []


def on_terminal(binary, cols, *args, env=None, keys=b"", quit_early=False):
    """What a terminal of so many columns gets."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm"} | (env or {}))
        for name in "NO_COLOR", *([] if env and "LESS" in env else ["LESS"]):
            if not env or name not in env:
                os.environ.pop(name, None)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, cols, 0, 0))
        os.execv(binary, [str(binary), *map(str, args)])
    out, end = b"", time.monotonic() + WAIT
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                break
            if not chunk:
                break
            out += chunk
        if keys and out:
            os.write(fd, keys)
            keys = b""
    else:
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return status, out


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


SGR = re.compile(rb"\x1b\[[0-9;]*m")


def terminal(binary, d):
    """Widths, colours and pagers; nothing of the observed world reaches the terminal as it is."""
    _, problems = make(binary, d)
    log = "--log", d / "log"
    for cols in 20, 40, 60, 80, 100, 200:
        for verb in ("log", "--all"), ("servers",), ("tools",):
            status, out = on_terminal(binary, cols, *verb, *log, "--no-pager", "--color", "always")
            rows = SGR.sub(b"", out).decode().replace("\r\n", "\n").split("\n")
            wide = [x for x in rows if width(x) > cols]
            if status or len(rows) < 2 or wide:
                problems.append(f"{verb[0]} at {cols} columns: {status}: {wide[:1] or rows[:3]}")
            if re.search(rb"\x1b(?!\[[0-9;]*m)", out) or "\u202e".encode() in out:
                problems.append(f"{verb[0]} at {cols} columns: a control character: {out[:200]!r}")
    text = run(binary, "log", *log, "--target", d / "work" / "evil*", problems=problems).stdout
    if b"evil\\x1b[2J\\u{202e}gpj.txt" not in text:
        problems.append(f"a hostile name is shown as {text!r}")
    colours = [("auto", {}, True), ("auto", {"NO_COLOR": "1"}, False), ("auto", {"TERM": "dumb"}, False), ("never", {}, False),
               ("always", {"NO_COLOR": "1"}, True)]
    for when, env, want in colours:
        out = on_terminal(binary, 80, "log", *log, "--no-pager", "--color", when, env=env)[1]
        if (b"\x1b[" in out) != want:
            problems.append(f"--color {when} with {env}: {out[:80]!r}")
    if (b"\x1b[" in run(binary, "log", *log).stdout) or b"\x1b[" not in run(binary, "log", *log, "--color", "always").stdout:
        problems.append("colour in a pipe")
    return problems + pagers(binary, d, log)


def pagers(binary, d, log):
    problems, seen = [], d / "seen"
    for env, paged in (({"MCPWATCH_PAGER": f"tee {seen} >/dev/null", "PAGER": "false"}, True), ({"PAGER": f"tee {seen}"}, True),
                       ({"PAGER": "cat"}, False), ({"MCPWATCH_PAGER": "", "PAGER": f"tee {seen}"}, False)):
        seen.unlink(missing_ok=True)
        status, out = on_terminal(binary, 80, "log", *log, env=env)
        if status or seen.exists() != paged or (paged and b"do" not in seen.read_bytes()):
            problems.append(f"{env}: exit status {status}, {'no ' * (not seen.exists())}pager: {out[:100]!r}")
    seen.unlink(missing_ok=True)
    for args in (("--no-pager",), ("--json", "--no-pager")):
        on_terminal(binary, 80, "log", *log, *args, env={"PAGER": f"tee {seen}"})
        if seen.exists():
            problems.append(f"{args}: a pager")
    # one that reads nothing and goes; one that is not there
    status, out = on_terminal(binary, 80, "log", *log, env={"PAGER": "true"})
    if status or b"mcpwatch:" in out:
        problems.append(f"a pager that goes: {status}: {out!r}")
    status, out = on_terminal(binary, 80, "log", *log, env={"PAGER": "/no/such/pager"})
    if status != 1 or b"--no-pager" not in out:
        problems.append(f"a pager that is not there: {status}: {out!r}")
    return problems


def closed(binary, d):
    """A reader that goes is no error; an output that cannot be written is one."""
    _, problems = make(binary, d)
    for verb in ["log", "--json", "--type", "all"], ["log"], ["tools"], ["servers"]:
        p = subprocess.Popen([binary, *verb, "--log", d / "log"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
        p.stdout.close()
        err = p.stderr.read()
        if p.wait(WAIT) != 0 or err:
            problems.append(f"{verb}: closed: {p.returncode}: {err!r}")
        with open("/dev/full", "wb") as full:
            p = subprocess.run([binary, *verb, "--log", d / "log"], stdout=full, stderr=subprocess.PIPE, timeout=WAIT)
        if p.returncode != 1 or p.stderr.count(b"\n") != 1 or b"No space left" not in p.stderr:
            problems.append(f"{verb}: /dev/full: {p.returncode}: {p.stderr!r}")
    # one that follows ends with its reader, not with the next record
    p = subprocess.Popen([binary, "log", "-f", "--log", d / "log"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = p.stdout.readline()
    p.stdout.close()
    err = p.stderr.read()
    if p.wait(WAIT) != 0 or err or not first:
        problems.append(f"log -f: closed: {p.returncode}: {first!r} {err!r}")
    return problems


def usage(binary, d):
    """What is typed wrong is said in one line that tells what is meant."""
    (d / "empty").write_text("")
    bad = [
        (["--since", "soon"], b"no time"), (["--since", "now", "--until", "yesterday"], b"later"), (["--kind", "file.delet"], b"file.delete"), (["--status", "okay"], b"status"),
        (["--type", "cal"], b"call"), (["--severity", "hihg"], b"high"), (["--target", "10.0.0.0/33"], b"network"),
        (["--pid", "x"], b"process id"), (["--grep", "("], b"--grep"), (["-n", "0"], b"number"), (["-n"], b"needs a value"),
        (["-f", "-r"], b"revers"), (["--color", "blue"], b"never"), (["--nosuch"], b"--nosuch"), (["extra"], b"extra"), (["--tool", ""], b"nothing"),
    ]
    problems = []
    for args, word in bad:
        p = run(binary, "log", "--log", d / "empty", *args, code=2, problems=problems)
        if p.stderr.count(b"\n") != 1 or word not in p.stderr or p.stdout:
            problems.append(f"{args}: {p.stderr!r}")
    run(binary, "show", code=2, problems=problems)
    run(binary, "show", "--log", d / "empty", "c1", code=1, problems=problems)
    run(binary, "servers", "--color", "x", code=2, problems=problems)
    # nothing there is nothing said
    for verb in "log", "servers", "tools":
        if run(binary, verb, "--log", d / "empty", problems=problems).stdout:
            problems.append(f"{verb} of an empty log")
        run(binary, verb, "--log", d / "missing", code=1, problems=problems)
    return problems


HEAD = '{"v":1,"seq":%d,"time":"2026-11-21T10:00:00.000000000Z","boot_ns":1,"host":"h","type":%s}\n'


def odd_logs(binary, d):
    """Unknown types are shown, a newer version is not guessed at, what was changed is said and exits 3."""
    problems = []
    (d / "types").write_text(HEAD % (0, '"weather","what":"rain"') + HEAD % (1, '"call","call":"c1","effects":7,"server":[]'))
    (d / "newer").write_text((HEAD % (0, '"call"')).replace('"v":1', '"v":2'))
    (d / "hole").write_text(HEAD % (0, '"call","call":"c1"') + HEAD % (2, '"call","call":"c2"'))
    out = lines(binary, problems, "log", "--log", d / "types", "--type", "all")
    if len(out) != 2 or "weather" not in out[0] or "c1" not in out[1]:
        problems.append(f"unknown types: {out}")
    for verb in ["log"], ["servers"], ["tools"], ["show", "c1"]:
        p = run(binary, *verb, "--log", d / "newer", code=1, problems=problems)
        if b"newer" not in p.stderr:
            problems.append(f"{verb}: a newer log: {p.stderr!r}")
        p = run(binary, *verb, "--log", d / "hole", code=3, problems=problems)
        if b"not whole" not in p.stderr:
            problems.append(f"{verb}: a hole: {p.stderr!r}")
    # half of what there is to show is not shown
    p = subprocess.run([binary, "show", "c1", "--log", "/dev/stdin"], stdin=subprocess.PIPE, capture_output=True, timeout=WAIT)
    if p.returncode != 1 or p.stdout or b"read twice" not in p.stderr:
        problems.append(f"show from a pipe: {p}")
    _, more = make(binary, d)
    seg = sorted((d / "log/seg").iterdir())[0]
    data = seg.read_bytes()
    seg.write_bytes(data.replace(b"secret.key", b"public.key"))
    for verb in ["log"], ["log", "-n", "2"], ["servers"], ["tools"], ["log", "--tool", "nosuch"], ["show", "nosuch"], ["show", "99999999"]:
        p = run(binary, *verb, "--log", d / "log", code=3, problems=problems)
        if b"TAMPERED" not in p.stderr:
            problems.append(f"{verb}: a changed log: {p.stderr!r}")
    return problems + more


def follow(binary, d):
    """-f shows what comes, with ties that say whether they are settled."""
    path, problems = d / "log.jsonl", []
    server = '"server":{"id":"s1","key":"k","name":"files"}'
    path.write_text("".join(HEAD % (i, f'"gap","reason":"r{i}"') for i in range(20)))
    p = subprocess.Popen([binary, "log", "-f", "--log", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.set_blocking(p.stdout.fileno(), False)

    def wait_for(word):
        got, end = b"", time.monotonic() + WAIT / 2
        while word not in got and time.monotonic() < end:
            got += p.stdout.read() or b""
            time.sleep(0.02)
        return got

    got = wait_for(b"r19")
    if got.count(b"\n") != 10 or b"r9 " in got:
        problems.append(f"the last ten: {got!r}")
    with open(path, "a") as f:
        f.write(HEAD % (20, f'"request","call":"c1",{server},"tool":"t"'))
        f.write(HEAD % (21, f'"effect","kind":"file.open","target":"/x",{server},"call":"c1","link":"sole","confidence":"likely"'))
    got = wait_for(b"/x")
    if b"?c1" not in got or b"has not ended" not in got or b"  t  " not in got:
        problems.append(f"an effect of an open call: {got!r}")
    with open(path, "a") as f:
        f.write(HEAD % (22, f'"call","call":"c1",{server},"tool":"t","status":"ok"'))
    if b"c1" not in wait_for(b"\n"):
        problems.append("the call does not come")
    p.terminate()
    p.communicate(timeout=WAIT)
    last = lines(binary, problems, "log", "--log", path, "-n", "2")
    if len(last) != 2 or "c1" not in last[1]:
        problems.append(f"-n 2: {last}")
    turned = lines(binary, problems, "log", "--log", path, "-r", "-n", "2")
    if turned != last[::-1]:
        problems.append(f"-r: {turned}")
    return problems


CASES = {"query-hunt": hunt, "query-terminal": terminal, "query-closed": closed, "query-usage": usage, "query-odd-logs": odd_logs,
         "query-follow": follow}
