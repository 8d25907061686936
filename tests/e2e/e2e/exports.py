# SPDX-License-Identifier: Apache-2.0
"""The exports of a real, sealed log, in every format the verb has: what of it is there, and what a reader is told
where it is empty, damaged, or cannot be written. Each case gets the binary and a folder and returns problems."""

import collections
import csv
import datetime
import io
import json
import os
import pty
import re
import shutil
import subprocess
import time

from . import build, sealed
from .badinput import run, shown

HEAD = {"v": 1, "boot_ns": 1, "host": "h"}


def formats(binary):
    said = run([binary, "timeline", "--format", "none"]).stderr.decode()
    return re.search(r"there are ([a-z, ]+);", said)[1].split(", ")


def out_of(d, fmt):
    """Timesketch takes files by their names."""
    return d / "out" / f"{fmt}.jsonl"


def export(binary, d, fmt, log, *more):
    """The run, and what stands in the file behind it (None: no file)."""
    out = out_of(d, fmt)
    shutil.rmtree(out.parent, ignore_errors=True)
    out.parent.mkdir()
    p = run([binary, "timeline", "--format", fmt, "--log", log, "-o", out, *more])
    beside = [f.name for f in out.parent.iterdir() if f != out]
    return p, out.read_bytes() if out.exists() else None, [f"{fmt}: left beside the file: {beside}"] if beside else []


def each(binary, d, log, code, says, file, *more, holds=b""):
    """Exports in every format: the exit status, a line on stderr with `says` ("" none), and whether there is a file."""
    problems = []
    for fmt in formats(binary):
        p, data, more_problems = export(binary, d, fmt, log, *more)
        problems += more_problems
        text = p.stderr.decode(errors="replace")
        if p.returncode != code:
            problems.append(f"{fmt}: exit status {p.returncode}, expected {code}: {text[:200]!r}")
        if len(text.splitlines()) != bool(says) or not re.search(says, text):
            problems.append(f"{fmt}: stderr is {text[:300]!r}, expected a line with {says!r}" if says else
                            f"{fmt}: stderr is {text[:300]!r}")
        if (data is not None) != file:
            problems.append(f"{fmt}: {'no' if file else 'a'} file is there")
        elif file and out_of(d, fmt).stat().st_mode & 0o777 != 0o600:
            problems.append(f"{fmt}: the file is not 0600")
        if data is not None and fmt in ("jsonl", "timesketch", "ocsf", "otlp"):
            problems += lines(fmt, data)
        # an escaped text is looked for by a word of its own
        if file and holds and data is not None and holds not in data:
            problems.append(f"{fmt}: {holds!r} is not in it")
    return problems


def lines(fmt, data):
    try:
        for line in data.splitlines():
            json.loads(line)
    except ValueError as e:
        return [f"{fmt}: a line is no JSON: {e}"]
    return [f"{fmt}: the last line has no end"] if data and not data.endswith(b"\n") else []


def write_records(path, recs):
    """Records with heads, numbered and a second apart."""
    with open(path, "w") as f:
        for i, r in enumerate(recs):
            head = {**HEAD, "seq": i, "time": f"2026-11-21T10:{i // 60:02}:{i % 60:02}.000000000Z"}
            f.write(json.dumps({**head, **r}, ensure_ascii=False) + "\n")
    return path


def make_log(binary, d):
    p = sealed.run(binary, d, "open('/etc/hostname').read()", "__import__('os').system('true')")
    if p.returncode:
        raise AssertionError(f"exec: exit status {p.returncode}: {p.stderr}")
    return d / "log", sealed.records(d)[0]


def whole(binary, d):
    """Nothing is lost on the way; and a row's call is the one that its call's record says."""
    log, recs = make_log(binary, d)
    problems = each(binary, d, log, 0, "", True)
    _, data, _ = export(binary, d, "jsonl", log)
    head, *rest = data.splitlines()
    if rest != b"".join(f.read_bytes() for f in sorted((log / "seg").iterdir())).splitlines():
        problems.append("jsonl: its lines are not the log's")
    head = json.loads(head)
    if head["type"] != "export" or head["records"] != len(recs) or head["inputs"][0]["verdict"] != "whole":
        problems.append(f"jsonl: its first line is {head}")
    listed = run([binary, "log", "--log", out_of(d, "jsonl")]), run([binary, "log", "--log", log])
    if listed[0].stdout != listed[1].stdout or listed[0].returncode:
        problems.append(f"log shows of the jsonl something else than of the log: {listed[0].stderr}")

    _, data, _ = export(binary, d, "csv", log)
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    shown_types = {"call", "effect", "alert", "gap", "anomaly", "server", "tool", "daemon"}
    want = [str(r["seq"]) for r in recs if r["type"] in shown_types]
    if [r["seq"] for r in rows] != want:
        problems.append("csv: its rows are not the log's records")
    if any(None in r or None in r.values() for r in rows):
        problems.append("csv: a row has not as many fields as the header")
    settled = {str(s): c["call"] for c in recs if c["type"] in ("call", "ties")
               for e in c.get("effects", []) if e["link"] != "shared" for s in e["seqs"]}
    wrong = [r["seq"] for r in rows if r["type"] == "effect" and r["seq"] in settled and r["call"] != settled[r["seq"]]]
    if wrong or not settled:
        problems.append(f"csv: effects {wrong[:5]} of {len(settled)} have not the call whose record names them")

    some = next(r for r in recs if r["type"] == "call" and r.get("effects"))
    _, data, _ = export(binary, d, "csv", log, "--call", some["call"], "--type", "call,effect")
    got = {r["seq"] for r in csv.DictReader(io.StringIO(data.decode(), newline=""))}
    need = {str(some["seq"])} | {str(s) for e in some["effects"] for s in e["seqs"]}
    if got - set(settled) - need or not need <= got:
        problems.append(f"csv --call: has the records {sorted(got)}, needs {sorted(need)}")
    return problems


def empty(binary, d):
    (d / "none.jsonl").write_bytes(b"")
    (d / "folder/seg").mkdir(parents=True)
    log, _ = make_log(binary, d)
    return (each(binary, d, d / "none.jsonl", 0, "the log is empty", True)
            + each(binary, d, d / "folder", 0, "the log is empty", True)
            + each(binary, d, log, 0, "nothing matched of [0-9]+ records", True, "--since", "2027-01-01")
            + each(binary, d, log, 0, "nothing matched", True, "--tool", "no-such-tool", "--type", "call"))


def tampered(binary, d):
    """Each says so where its reader looks first, and goes on saying so."""
    log, recs = make_log(binary, d)
    seg = sorted((log / "seg").iterdir())[0]
    good = seg.read_bytes()
    seg.write_bytes(good.replace(b'"method":"tools/call"', b'"method":"tools/cal1"', 1))
    problems = each(binary, d, log, 3, "DO NOT RELY ON .*tampered or forged: .*record [0-9]+", True, holds=b"tampered")
    _, data, _ = export(binary, d, "csv", log)
    if not data.splitlines()[1].startswith(b"2") or b'"warning"' not in data.splitlines()[1]:
        problems.append("csv: its first row is no warning")
    _, data, _ = export(binary, d, "html", log)
    if b"tampered" not in data[:60000]:
        problems.append("html: nothing at its beginning says it")
    export(binary, d, "jsonl", log)
    again = run([binary, "log", "--log", out_of(d, "jsonl")])
    if again.returncode != 3 or b"TAMPERED" not in again.stderr:
        problems.append(f"log of the jsonl: exit status {again.returncode}: {again.stderr[:200]}")
    # so that it is no JSON any more: all that stands before it
    at = good.index(b'"method":"tools/call"')
    seg.write_bytes(good[:at] + b"x" + good[at + 1:])
    problems += each(binary, d, log, 3, "cannot be read: .*not valid JSON", True, holds=b"tampered")
    # records that are gone from a file that nothing proves
    plain = d / "plain.jsonl"
    plain.write_bytes(b"".join(line for i, line in enumerate(good.splitlines(True)) if i != len(recs) // 2))
    return problems + each(binary, d, plain, 3, "records are missing: .*must follow", True, holds=b"missing")


def unreadable(binary, d):
    good = write_records(d / "good", [{"type": "notice"}] * 3).read_text()
    problems = []
    for name, text, says in (("newer", good + '{"v":2,"seq":3}\n', "line 4: written by a newer mcpwatch"),
                             ("torn", good + '{"v":1,"seq":3', "line 4: cut off"),
                             ("binary", "\x7fELF\0\0\n" + good, "line 1: not valid JSON"),
                             ("other", good + '{"a":1}\n', "line 4: not a record")):
        (d / name).write_text(text)
        problems += each(binary, d, d / name, 1, says, False)
    os.mkfifo(d / "pipe")
    return (problems + each(binary, d, d / "nowhere", 1, "there is no such log", False)
            + each(binary, d, d / "pipe", 1, "a log is read twice", False))


def unknown(binary, d):
    """Types and fields of a later version, and values of types nobody expects, are no error."""
    odd = [None, True, -1, 1e300, "", "x", [], [[]], {}, {"a": {}}]
    keys = ["call", "server", "client", "principal", "tool", "kind", "target", "link", "confidence", "effects", "calls",
            "candidates", "severity", "rule", "args", "begin", "end", "elapsed_ms", "status", "http", "error", "targets"]
    recs = [{"type": "later", "later": v} for v in odd]
    for kind in "call", "effect", "alert", "gap", "anomaly", "server", "tool", "daemon", "ties", "body", "request", "export":
        recs += [{"type": kind, **{k: v for k in keys}} for v in odd] + [{"type": kind}]
    recs += [{"type": "effect", "target": "/x" * 20000, "kind": "file.open"}]
    return each(binary, d, write_records(d / "odd", recs), 0, "", True)


def hostile(binary, d):
    """What the observed world names is text, for whoever reads it."""
    names = ["=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "a;=1", '","=1', '"', "＝1", " =1",
             "\u202egpj.exe", "\u2028", "\x1b]0;t\x07", "</script><script>alert(1)</script>", "\\", "a\0b"]
    recs = [{"type": "effect", "kind": "file.open", "target": n, "argv": [n, n], "exe": n, "why": n} for n in names]
    recs += [{"type": "call", "call": f"c{i}", "method": n, "tool": n, "server": {"id": "s", "name": n}, "args": {n: n},
              "principal": {"user": n}, "status": "ok"} for i, n in enumerate(names)]
    recs += [{"type": "alert", "rule": n, "title": n, "detail": n, "targets": [n, n], "severity": "low"} for n in names]
    log = write_records(d / "hostile", recs)
    problems = each(binary, d, log, 0, "", True)
    _, data, _ = export(binary, d, "csv", log)
    text = data.decode()
    if text.count("\r\n") != len(recs) + 1 or re.search("[\0-\x09\x0b\x0c\x0e-\x1f\x7f\u202e\u2028]", text):
        problems.append("csv: not a line a record, or characters that are not to be seen")
    for delimiter in ",", ";":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            bad = [c for c in row if re.match(r"[\"' ]*(?<!')[=+\-@\t\r\n＝＋－＠]", c) and not c.lstrip('" ').startswith("'")]
            if bad:
                problems.append(f"csv with {delimiter}: a formula: {bad[0]!r}")
    _, data, _ = export(binary, d, "html", log)
    if data.lower().count(b"<script>alert") or b"\xe2\x80\xa8" in data:
        problems.append("html: a name is markup")
    return problems


def unwritable(binary, d):
    log = write_records(d / "log", [{"type": "effect", "kind": "file.open", "target": "/" + "x" * 5000}] * 400)
    problems = []

    def fails(fmt, argv, says):
        p = run(argv)
        text = p.stderr.decode()
        if p.returncode != 1 or len(text.splitlines()) != 1 or not re.search(says, text):
            problems.append(f"{fmt}: {shown(argv)}: exit status {p.returncode}: {text[:200]!r}")

    for fmt in formats(binary):
        verb = [binary, "timeline", "--format", fmt, "--log", log]
        fails(fmt, [*verb, "-o", d / "no/such/folder.jsonl"], "cannot write .*No such file")
        if fmt != "timesketch":  # a name it does not take
            fails(fmt, [*verb, "-o", d], "cannot write .*Is a directory")
            fails(fmt, [*verb, "-o", "/dev/full"], "cannot write /dev/full: No space left")
        # a file system of 96 KiB; what was there before stays
        small = d / f"small-{fmt}"
        small.mkdir()
        script = f"""mount -t tmpfs -o size=96k none {small} && echo old > {small}/f.jsonl &&
            {' '.join(map(str, verb))} -o {small}/f.jsonl; r=$?; ls -A {small} >&2; cat {small}/f.jsonl >&2; exit $r"""
        p = run(["unshare", "-m", "sh", "-c", script])
        if p.returncode != 1 or not re.fullmatch(rb"mcpwatch: cannot write .*No space left.*\nf.jsonl\nold\n", p.stderr):
            problems.append(f"{fmt}: a full file system: exit status {p.returncode}: {p.stderr[-200:]}")
        # a reader that goes away
        p = run(["bash", "-c", f"{' '.join(map(str, verb))} | head -c 10 >/dev/null; exit ${{PIPESTATUS[0]}}"])
        if p.returncode != 1 or len(p.stderr.splitlines()) != 1 or b"Broken pipe" not in p.stderr:
            problems.append(f"{fmt}: a closed pipe: exit status {p.returncode}: {p.stderr[-200:]}")
        problems += on_terminal(fmt, verb)
    return problems


def on_terminal(fmt, verb):
    """Nothing of the observed world gets onto it."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen(list(map(str, verb)), stdout=theirs, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(theirs)
    said = p.communicate(timeout=180)[1].decode()
    try:
        got = os.read(ours, 1)
    except OSError:
        got = b""
    os.close(ours)
    if p.returncode != 2 or got or "terminal" not in said:
        return [f"{fmt}: on a terminal: exit status {p.returncode}, wrote {got}: {said[:200]!r}"]
    return []


def killed(binary, d):
    """An export that is killed leaves nothing behind."""
    log = write_records(d / "log", [{"type": "effect", "kind": "file.open", "target": "/" + "x" * 5000}] * 4000)
    out = d / "out"
    out.mkdir()
    p = subprocess.Popen([binary, "timeline", "--format", "csv", "--log", log, "-o", out / "f"], stderr=subprocess.DEVNULL)
    time.sleep(0.01)
    p.kill()
    left = p.wait() and [f.name for f in out.iterdir()]
    return [f"left behind: {left}"] if left else []


def hosts(binary, d):
    """Two hosts' logs by time, and the call that both saw as one."""
    common = {"type": "call", "rpc_id": "1", "method": "tools/call", "tool": "t", "args_bytes": 2, "status": "ok",
              "dir": "c2s", "evidence": "complete"}
    near = {**common, "call": "a1", "host": "near", "client": {"pid": 2}, "server": {"id": "s1", "addr": "10.0.0.2:80"}}
    far = {**common, "call": "b1", "host": "far", "client": {"addr": "10.0.0.1:9"},
           "server": {"id": "s9", "pid": 3, "addr": "10.0.0.2:80"}}
    other = {**far, "call": "b2", "rpc_id": "2"}
    for trace in {}, {"trace": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}:
        a = write_records(d / "near", [{**near, **trace}, {"type": "notice", "host": "near"}])
        b = write_records(d / "far", [{**far, **trace}, {**other}])
        _, data, left = export(binary, d, "csv", a, "--log", b)
        rows = [(r["host"], r["call"], r["joined"]) for r in csv.DictReader(io.StringIO(data.decode(), newline=""))]
        if left or rows != [("near", "a1", "b1"), ("far", "b1", "a1"), ("far", "b2", "")]:
            return [f"csv of two hosts: {rows}"]
    return each(binary, d, a, 0, "", True, "--log", b)


SERVER = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        m = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        r = {"content": []}
        if m["method"] == "initialize":
            r = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
s = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(s.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
for _ in range(2):
    s.handle_request()
"""
CLIENT = """
import http.client, json, sys
for n in range(2):
    c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    def ask(i, method, params):
        body = json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params})
        c.request("POST", "/mcp", body, {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"})
        return c.getresponse().read()
    ask(0, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}})
    ask(1, "tools/call", {"name": "do", "arguments": {"n": n}})
    c.close()
"""


def joined(binary, d):
    """Two observers, of a client and of its server: each sees one end. The same ids on two connections, so that the
    server's end alone does not tell them apart."""
    (d / "server.py").write_text(SERVER)
    (d / "client.py").write_text(CLIENT)
    port, logs = d / "port", [d / "near", d / "far"]

    def observe(log, *argv):
        return subprocess.Popen([binary, "exec", "--state", "none", "--quiet", "--output", log, "--", "python3", *argv],
                                stderr=subprocess.PIPE)

    server = observe(logs[1], d / "server.py", port)
    end = time.monotonic() + 90
    while not port.exists() and time.monotonic() < end:
        time.sleep(0.02)
    client = observe(logs[0], d / "client.py", port.read_text())
    problems = [f"{p.args[-2]}: exit status {p.returncode}: {said}" for p in (client, server)
                for said in [p.communicate(timeout=180)[1]] if p.returncode]
    _, data, _ = export(binary, d, "csv", logs[0], "--log", logs[1], "--type", "call")
    rows = {r["call"]: r for r in csv.DictReader(io.StringIO(data.decode(), newline=""))}
    for r in rows.values():
        other = rows.get(r["joined"])
        if not other or other["joined"] != r["call"] or (r["what"], r["rpc_id"]) != (other["what"], other["rpc_id"]):
            problems.append(f"{r['call']} ({r['what']}) is joined to {r['joined']!r}")
    return problems if len(rows) == 8 else problems + [f"{len(rows)} calls of 8"]


FAR = """
import http.server, json, os, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        m = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        r = {"content": [{"type": "text", "text": os.uname().nodename}]}
        if m["method"] == "initialize":
            r = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
s = http.server.ThreadingHTTPServer((sys.argv[1], 8000), Handler)
s.daemon_threads = True
print("ready", flush=True)
threading.Thread(target=s.serve_forever, daemon=True).start()
sys.stdin.read()
"""
# Each of a list of connections is kept until the end, so that the kernel gives none of them the port of another.
NEAR = """
import http.client, json, sys
kept = []
for i, n, trace in json.loads(sys.argv[2]):
    c = http.client.HTTPConnection(sys.argv[1], 8000, timeout=180)
    kept.append(c)
    def ask(i, method, params):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if trace:
            headers["traceparent"] = f"00-{trace:032x}-00f067aa0ba902b7-01"
        c.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}), headers)
        return c.getresponse().read()
    ask(0, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}})
    ask(i, "tools/call", {"name": "do", "arguments": {"n": n}})
"""
HOST = """
mount --make-rprivate /
hostname "$1"
cat /proc/sys/kernel/random/uuid >"$2.boot"
mount --bind "$2.boot" /proc/sys/kernel/random/boot_id
ip link set lo up
echo $$ >"$2.pid.new"
mv "$2.pid.new" "$2.pid"
until ip route get 10.77.0.1 && ip -br addr show | grep -q "$3/24"; do sleep 0.05; done >"$2.route" 2>&1
shift 3
exec "$@"
"""


class Host:
    """A host of its own as far as namespaces go: name, boot, network, and processes of what is observed there."""

    def __init__(self, d, name, addr):
        self.d, self.name, self.addr, self.log, self.p = d, name, addr, d / name, None

    def start(self, *argv, **options):
        self.p = subprocess.Popen(["unshare", "-n", "-u", "-m", "sh", "-ec", HOST, "sh", self.name, self.log, self.addr, *argv],
                                  start_new_session=True, stderr=subprocess.PIPE, **options)
        end = time.monotonic() + 90
        while not self.log.with_suffix(".pid").exists() and time.monotonic() < end and self.p.poll() is None:
            time.sleep(0.02)
        self.pid = self.log.with_suffix(".pid").read_text().strip()
        return self

    def observe(self, binary, *argv, **options):
        return self.start(binary, "exec", "--state", "none", "--quiet", "--output", self.log, "--", "unshare", "-p", "-f",
                          "--mount-proc", "python3", *argv, **options)

    def inside(self, *argv):
        subprocess.run(["nsenter", "-t", self.pid, "-n", *argv], check=True, capture_output=True, timeout=180)

    def end(self, kill=False):
        if kill:
            os.killpg(self.p.pid, 9)
        return self.p.communicate(timeout=180)[1].decode()


def wire(hub, *hosts):
    """Each of them has a cable to the hub, whose own address is of the first one's network."""
    for i, h in enumerate(hosts):
        net = h.addr.rpartition(".")[0]
        hub.inside("ip", "link", "add", f"cable{i}", "type", "veth", "peer", "name", "eth0", "netns", h.pid)
        hub.inside("ip", "addr", "add", f"{net}.1/24", "dev", f"cable{i}")
        hub.inside("ip", "link", "set", f"cable{i}", "up")
        h.inside("ip", "link", "set", "eth0", "up")
        h.inside("ip", "addr", "add", f"{h.addr}/24", "dev", "eth0")
        h.inside("ip", "route", "add", "default", "via", f"{net}.1")


def shifted(path, seconds):
    """The same records by another clock."""
    def other(m):
        t = datetime.datetime.fromisoformat(m[1]) + datetime.timedelta(seconds=seconds)
        return t.isoformat() + m[2]
    to = path.with_suffix(".shifted")
    to.write_text(re.sub(r'(?<=")(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+Z)(?=")', other, path.read_text()))
    return to


def two_hosts(binary, d):
    """A client on one host and its server on another, each with its own observer, name, boot, network and processes,
    the clocks some seconds apart; a third host's client, which nobody observes, asks the same with the same ids and
    lengths. Each call that both saw is joined by its connection or traceparent; of the third host's none is."""
    if not shutil.which("ip"):
        raise build.Missing("no ip (iproute2)")
    for name, text in ("far.py", FAR), ("near.py", NEAR):
        (d / name).write_text(text)
    far, near, third = (Host(d, name, addr) for name, addr in (("far", "10.77.0.1"), ("near", "10.77.0.2"), ("third", "10.77.1.2")))
    # id, argument, traceparent: the ids and lengths recur, the third one has those of the first
    calls = [[1, 1, 0], [1, 2, 0], [2, 3, 0], [2, 4, 7], [3, 5, 8]]
    others = [[1, 8, 0], [2, 9, 0], [4, 9, 0]]
    problems = []
    try:
        far.observe(binary, d / "far.py", far.addr, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        third.start("sh", "-c", "read x; exec \"$@\"", "sh", "python3", d / "near.py", far.addr, json.dumps(others),
                    stdin=subprocess.PIPE)
        near.start("sh", "-c", "read x; exec \"$@\"", "sh", binary, "exec", "--state", "none", "--quiet", "--output", near.log, "--",
                   "unshare", "-p", "-f", "--mount-proc", "python3", d / "near.py", far.addr, json.dumps(calls), stdin=subprocess.PIPE)
        wire(far, near, third)
        if far.p.stdout.readline() != b"ready\n":
            return [f"the server did not begin: {far.end(kill=True)}"]
        for h in near, third:
            h.p.stdin.write(b"\n")
            h.p.stdin.flush()
        for h in near, third:
            h.p.stdin.close()
            h.p.stdin = None
            said = h.end()
            if h.p.returncode:
                problems.append(f"{h.name}: exit status {h.p.returncode}: {said}")
        far.p.communicate(timeout=180)  # it serves until its stdin ends
    finally:
        for h in near, far, third:
            if h.p and h.p.poll() is None:
                h.end(kill=True)
    boots = {json.loads(h.log.read_text().splitlines()[0])["boot_id"] for h in (near, far)}
    if len(boots) != 2:
        problems.append(f"the hosts' boots: {boots}")
    for seconds in 0, 7, -40:
        _, data, _ = export(binary, d, "csv", near.log, "--log", shifted(far.log, seconds), "--type", "call")
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        by = {r["call"]: r for r in rows}
        sides = collections.Counter(r["host"] for r in rows)
        if sides != {"near": 2 * len(calls), "far": 2 * (len(calls) + len(others))}:
            problems.append(f"{seconds} s: calls by host: {dict(sides)}")
        for r in rows:
            mate = by.get(r["joined"])
            if r["joined"] and (not mate or mate["joined"] != r["call"] or mate["host"] == r["host"] or
                                (mate["rpc_id"], mate["args"]) != (r["rpc_id"], r["args"])):
                problems.append(f"{seconds} s: {r['host']} {r['call']} is joined to {r['joined']!r}")
            elif not r["joined"] and r["host"] == "near":
                problems.append(f"{seconds} s: {r['call']} (id {r['rpc_id']}) is joined to none")
        if sum(not r["joined"] for r in rows) != 2 * len(others):
            problems.append(f"{seconds} s: {sum(not r['joined'] for r in rows)} calls are joined to none, not {2 * len(others)}")
    # behind an address translation only the traceparent tells
    to = far.log.with_suffix(".translated")
    to.write_text(far.log.read_text().replace(near.addr + ":", "192.0.2.9:"))
    _, data, _ = export(binary, d, "csv", near.log, "--log", to, "--type", "call")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    if (n := sum(r["host"] == "near" and r["joined"] != "" for r in rows)) != 2 * sum(c[2] > 0 for c in calls):
        problems.append(f"translated: {n} calls are joined")
    return problems


CASES = {f"exports-{f.__name__.replace('_', '-')}": f
         for f in (whole, empty, tampered, unreadable, unknown, hostile, unwritable, killed, hosts, joined, two_hosts)}
