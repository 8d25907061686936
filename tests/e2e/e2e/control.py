# SPDX-License-Identifier: Apache-2.0
"""The running daemon asked how it is: status, metrics, their file, and clients of the control socket that do what
they should not. Each case gets the binary and a folder and returns problems."""

import collections
import contextlib
import itertools
import json
import os
import pathlib
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time

from prometheus_client.parser import text_string_to_metric_families

from . import cases, check
from .host import WAIT, client, daemon, ended, eventually, log_bytes, raw_server

RULES = """
rules:
  - id: test.delete
    title: A file was deleted
    severity: high
    on: effect
    when: effect.kind = file.delete
"""


def run_client(d):
    (d / "run").mkdir()
    return client(raw_server(d, "watched", "s"), d / "run")


def verb(binary, d, *args, path=None, **options):
    return subprocess.run([binary, *args, "--control", path or d / "control.sock"], capture_output=True, text=True,
                          timeout=WAIT, **options)


def status(binary, d):
    p = verb(binary, d, "status", "--json")
    return json.loads(p.stdout) if p.returncode == 0 else {"failed": f"{p.returncode}: {p.stderr}"}


def metrics(text):
    """The samples by name, each a dict from its labels' values to the value. Prometheus' own parser reads them."""
    found = collections.defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for s in family.samples:
            key = tuple(s.labels.values())
            if key in found[s.name]:
                raise ValueError(f"{s.name} {key} stands there twice")
            found[s.name][key if len(key) != 1 else key[0]] = s.value
        if not family.documentation or family.type not in ("counter", "gauge"):
            raise ValueError(f"{family.name}: {family.type}, {family.documentation!r}")
    return found


class Talk:
    """A server that runs while the case looks: its client is this process."""

    def __init__(self, d, name):
        self.s = raw_server(d, name, name + ".d/s")
        self.p = subprocess.Popen(self.s.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask(cases.INITIALIZE)
        self.send(cases.INITIALIZED)

    def send(self, line):
        self.p.stdin.write(line.encode() + b"\n")
        self.p.stdin.flush()

    def ask(self, line):
        self.send(line)
        return self.p.stdout.readline()

    def call(self, tool, wait=True, **more):
        line = cases.add_raw(self.s, tool, **more)
        return self.ask(line) if wait else self.send(line)

    def close(self):
        self.p.stdin.close()
        self.p.wait(WAIT)


@contextlib.contextmanager
def talk(d, name):
    t = Talk(d, name)
    try:
        yield t
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            t.close()
        if t.p.poll() is None:
            t.p.kill()
            t.p.wait()


def counted(records):
    """What the log says, as status and metrics count it."""
    of = lambda t, *names: collections.Counter(r.get(n) for r in records if r["type"] == t for n in names)  # noqa: E731
    return {"records": dict(collections.Counter(r["type"] for r in records)), "status": dict(of("call", "status")),
            "kind": dict(of("effect", "kind")), "rules": dict(of("alert", "rule")), "gaps": dict(of("gap", "reason"))}


def numbers(binary, d):
    """What was done is what status and metrics say: a call in flight, calls of each end, effects, alerts, and each
    record of the log, gaps too."""
    (d / "rules.yaml").write_text(RULES)
    problems = []
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/watched\n", "--rules", d / "rules.yaml") as p:
        with talk(d, "watched") as t:
            for _ in range(5):
                t.call("delete")
            t.call("error", status="rpc_error")
            t.call("hang", wait=False)
            want = {"calls": 7, "in_flight": 1, "failed": 1, "io": "clear"}

            def server():
                s = status(binary, d).get("servers", [])
                return {k: s[0].get(k) for k in want} if len(s) == 1 else s
            if (got := eventually(server, want)) != want:
                problems.append(f"status says of the server {got}, expected {want}")
            s = status(binary, d)
            if s.get("calls", {}).get("open") != 1 or not s.get("healthy") or s.get("problems"):
                problems.append(f"status: {s}")
            m = metrics(verb(binary, d, "metrics").stdout)
            name = s["servers"][0]["name"]
            if m["mcpwatch_servers"] != {(name, "clear", ""): 1} or \
                    m["mcpwatch_server_calls_in_flight"] != {(name, "clear", ""): 1}:
                problems.append(f"servers: {m['mcpwatch_servers']}, {m['mcpwatch_server_calls_in_flight']}")
            page = verb(binary, d, "status").stdout
            lines = page.splitlines()
            if not page.startswith("watching") or max(map(len, lines)) > 100 or len(lines) > 24 or name[:20] not in page:
                problems.append(f"the page: {page}")
        # the server has ended: all of it is in the log, and in the counts
        eventually(lambda: status(binary, d)["servers"], [])

        def both():
            before = status(binary, d)
            text = verb(binary, d, "metrics").stdout
            records, _ = check.parse(log_bytes(d))
            return before, metrics(text), records
        for _ in range(20):  # a seal may come in between
            s, m, records = both()
            if s["log"]["records"] == len(records) == m["mcpwatch_log_records_total"][()]:
                break
        want = counted(records)
        got = {"records": s["records"], "status": s["calls"]["status"], "kind": s["effects"]["kind"],
               "gaps": {g["reason"]: g["n"] for g in s["gaps"]}}
        got["rules"] = {k: int(v) for k, v in m["mcpwatch_alert_rules_total"].items()}
        if got != want:
            problems.append(f"status says {got}, the log {want}")
        for key, name in (("records", "records_total"), ("status", "calls_total"), ("kind", "effects_total"),
                          ("gaps", "gaps_total")):
            if m[f"mcpwatch_{name}"] != want[key]:
                problems.append(f"{name} is {dict(m[f'mcpwatch_{name}'])}, the log has {want[key]}")
        if want["rules"].get("test.delete") != 5 or m["mcpwatch_alerts_total"]["high"] < 5 or \
                s["alerts"]["last_hour"]["high"] != s["alerts"]["severity"]["high"]:
            problems.append(f"alerts: {s['alerts']}, {want['rules']}")
        if sum(m["mcpwatch_server_calls_total"].values()) != want["records"]["call"] or \
                m["mcpwatch_healthy"][()] != 1 or s["lost"]["events"]:
            problems.append(f"calls by server: {m['mcpwatch_server_calls_total']}, lost {s['lost']}")
    return problems + ended(p)


def losses(binary, d):
    """Events that are lost show in status, and in metrics as the log's gaps have them."""
    problems = []
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/watched\n", "--simulate-loss", "7") as p:
        with talk(d, "watched") as t:
            for _ in range(30):
                t.call("delete", wait=False)
        eventually(lambda: "events_lost" in metrics(verb(binary, d, "metrics").stdout)["mcpwatch_gap_events_total"])
        m = metrics(verb(binary, d, "metrics").stdout)
        s = status(binary, d)
    gaps = [r for r in check.parse(log_bytes(d))[0] if r["type"] == "gap" and r["reason"] == "events_lost"]
    lost = sum(g.get("events", 0) for g in gaps)
    if not lost or m["mcpwatch_lost_events_total"][()] == 0 or not s["problems"] or s["problems"][0]["bad"]:
        problems.append(f"{lost} events lost in the log, metrics {m['mcpwatch_lost_events_total']}, {s['problems']}")
    if not 0 < m["mcpwatch_gap_events_total"].get("events_lost", 0) <= lost:
        problems.append(f"gap events: {m['mcpwatch_gap_events_total']}, the log {lost}")
    return problems + ended(p)


def connect(d):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(str(d / "control.sock"))
    return s


def abuse(d, end, kept):
    """Clients that say nothing, nonsense or too much, that watch and do not read, that come and go: until the end."""
    lines = [b"\0" * 4096, b"A" * 100_000, b"status", b"status\nstatus\n", b"watch\nwatch\n", b"GET / HTTP/1.1\r\n\r\n", b""]
    for _ in range(4):
        with contextlib.suppress(OSError):
            s = connect(d)
            s.sendall(b"watch\n")
            kept.append(s)  # never read
    i = 0
    while not end.is_set():
        i += 1
        with contextlib.suppress(OSError):
            s = connect(d)
            s.sendall(lines[i % len(lines)])
            if i % 3:
                s.close()
            else:
                kept.append(s)
            if len(kept) > 100:
                kept.pop(0).close()


def hostile_clients(binary, d):
    """None of them holds up the recording, and who asks properly is answered."""
    problems, end, kept = [], threading.Event(), []
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/watched\n") as p:
        threads = [threading.Thread(target=abuse, args=(d, end, kept)) for _ in range(2)]
        for t in threads:
            t.start()
        begin = time.monotonic()
        truth = run_client(d)
        took = time.monotonic() - begin
        # with all places taken a client is told so, and it is its turn a little later
        asked = eventually(lambda: verb(binary, d, "status", "--json").returncode, 0)
        end.set()
        for t in threads:
            t.join()
        for s in kept:
            s.close()
        got = eventually(lambda: status(binary, d).get("control", {}).get("clients"), 1)
        c = status(binary, d).get("control", {})
        if asked != 0 or got != 1 or not c.get("refused"):
            problems.append(f"status among them: exit status {asked}; after them: {c}")
    problems += ended(p) + truth.load() + check.everything(log_bytes(d), truth)
    records = check.parse(log_bytes(d))[0]
    gaps = [r for r in records if r["type"] == "gap"]
    if gaps or took > 60:
        problems.append(f"the client took {took:.1f} s, gaps {gaps[:3]}")
    return problems


def slow_watcher(binary, d):
    """One that watches and does not read misses records; it is told how many, or let go. The others get all."""
    problems, got = [], bytearray()
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/watched\n") as p:
        slow, good = connect(d), connect(d)
        good.settimeout(WAIT)
        good.sendall(b"watch\n")
        slow.sendall(b"watch\n")

        def read():
            with contextlib.suppress(OSError):
                while data := good.recv(65536):
                    got.extend(data)
        t = threading.Thread(target=read)
        t.start()
        eventually(lambda: b"\n" in got)
        truth = run_client(d)
        time.sleep(7)  # longer than a client may take nothing
        eventually(lambda: got.count(b'"type":"status"') >= 5)
        s = status(binary, d)["control"]
    t.join()
    slow.close()
    good.close()
    records = check.parse(log_bytes(d))[0]
    seen = [json.loads(line) for line in bytes(got).splitlines()]
    told = {r["seq"]: r for r in seen if "seq" in r}
    begin = min(told)
    last = max(told)  # the last ones are written when the socket is closed already
    if [told.get(r["seq"]) for r in records if begin <= r["seq"] <= last] != \
            [r for r in records if begin <= r["seq"] <= last]:
        problems.append("what was told to the one that reads is not what stands in the log")
    if sum(r["type"] == "call" for r in told.values()) != sum(r["type"] == "call" for r in records):
        problems.append("not all calls were told")
    if sum(r["type"] == "status" for r in seen) < 5 or any(r["type"] == "dropped" for r in seen):
        problems.append(f"what was told: {collections.Counter(r['type'] for r in seen)}")
    # what it did not read fits its queue here, so it may have missed nothing
    if s["clients"] > 3:
        problems.append(f"control: {s}")
    return problems + ended(p) + truth.load()


def not_running(binary, d):
    """Nobody there, a socket of a dead daemon, no right to ask: one line that says what to do, and exit status 1."""
    problems = []

    def refused(what, want, *args, **options):
        for name in ("status", "metrics", "top"):
            q = verb(binary, d, name, *(["--once"] if name == "top" else []), *args, **options)
            if q.returncode != 1 or q.stdout or len(q.stderr.splitlines()) != 1 or want not in q.stderr:
                problems.append(f"{what}: {name}: exit status {q.returncode}: {q.stdout}{q.stderr}")
    refused("nobody there", "mcpwatch is not running")
    with daemon(binary, d, "discover: no\nwatch: [{exe: /x}]\n", kill=True) as p:
        mode = stat.S_IMODE(os.stat(d / "control.sock").st_mode)
        if mode != 0o600:
            problems.append(f"the socket has mode {mode:o}")
    if p.code != -signal.SIGKILL or not (d / "control.sock").exists():
        problems.append("the killed daemon has not left its socket behind")
    refused("the socket of a dead one", "mcpwatch is not running")
    with daemon(binary, d, "discover: no\nwatch: [{exe: /x}]\n") as p:
        if verb(binary, d, "status").returncode != 0:
            problems.append("over what a dead one left it is not answered")
        second = subprocess.run([binary, "run", "--config", d / "mcpwatch.yaml", "--log", d / "log2", "--keys", d / "keys2",
                                 "--state", "none", "--control", d / "control.sock"],
                                capture_output=True, text=True, timeout=WAIT)
        if second.returncode != 1 or len(second.stderr.splitlines()) != 1 or "--control" not in second.stderr:
            problems.append(f"a second daemon: exit status {second.returncode}: {second.stderr}")
        if verb(binary, d, "status").returncode != 0:
            problems.append("the first one has lost its socket to the second")
        os.chmod(d, 0o755)
        for parent in d.parents[:2]:
            os.chmod(parent, os.stat(parent).st_mode | 0o011)
        nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        binary_path = pathlib.Path(binary)
        reachable = d / "mcpwatch"
        reachable.write_bytes(binary_path.read_bytes())
        reachable.chmod(0o755)
        binary = reachable
        refused("not root", "only root", **nobody)
        os.chmod(d / "control.sock", 0o666)
        refused("not root, at an open door", "only for root", **nobody)
    problems += ended(p)
    if (d / "control.sock").exists():
        problems.append("the socket is there after the end")
    with daemon(binary, d, "discover: no\nwatch: [{exe: /x}]\n", "--control", "none") as p:
        if (d / "control.sock").exists():
            problems.append("--control none: there is a socket")
    return problems + ended(p)


def metrics_file(binary, d):
    """It is whole whenever it is read, says what metrics says, moves at a reload and goes at the end."""
    config, first, second = d / "mcpwatch.yaml", d / "one.prom", d / "two.prom"
    own = f"discover: no\nwatch:\n  - exe: {d}/watched\nmetrics_every: 1s\n"
    problems, texts, end = [], [], threading.Event()

    def read():
        while not end.is_set():
            with contextlib.suppress(FileNotFoundError):
                text = first.read_text()
                if [text] != texts[-1:]:
                    texts.append(text)
            time.sleep(0.0005)
    with daemon(binary, d, own + f"metrics_file: {first}\n") as p:
        t = threading.Thread(target=read)
        t.start()
        truth = run_client(d)
        want = cases.CALLS + 1  # and initialize
        eventually(lambda: len(texts) > 1 and sum(metrics(texts[-1])["mcpwatch_calls_total"].values()) == want)
        end.set()
        t.join()
        if len(texts) < 2 or not all(x.endswith("\n# EOF\n") for x in texts):
            problems.append(f"{len(texts)} texts, {sum(not x.endswith('# EOF' + chr(10)) for x in texts)} not whole")
        calls = sum(r["type"] == "call" for r in check.parse(log_bytes(d))[0])
        if sum(metrics(texts[-1])["mcpwatch_calls_total"].values()) != calls:
            problems.append(f"the file has {metrics(texts[-1])['mcpwatch_calls_total']}, the log {calls} calls")
        if stat.S_IMODE(first.stat().st_mode) != 0o644:
            problems.append(f"its mode is {first.stat().st_mode:o}")
        config.write_text(own + f"metrics_file: {second}\nlog: {{append_only: no}}\n")
        p.send_signal(signal.SIGHUP)
        if not eventually(second.exists, True) or eventually(first.exists, False):
            problems.append("after the reload it is not where it is to be")
        m = metrics(verb(binary, d, "metrics").stdout)
        if m["mcpwatch_reloads_total"][()] != 1:
            problems.append(f"reloads: {m['mcpwatch_reloads_total']}")
    if second.exists() or list(d.glob("*.tmp")):
        problems.append("it is there after the end")
    return problems + ended(p) + truth.load()


def full_disk(binary, d):
    """A log that takes no records: status exits with 1 and says so, metrics too; with room again all is well."""
    problems = []
    disk = d / "log"
    disk.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "none", disk], check=True)
    try:
        with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/watched\n") as p:
            with contextlib.suppress(OSError), open(disk / "ballast", "wb", buffering=0) as f:
                while True:
                    f.write(b"x" * 4096)
            with talk(d, "watched") as t:
                end = time.monotonic() + WAIT
                while verb(binary, d, "status").returncode == 0 and time.monotonic() < end:
                    t.call("delete")
                q = verb(binary, d, "status")
                m = metrics(verb(binary, d, "metrics").stdout)
                if q.returncode != 1 or "No space left" not in q.stderr or not q.stdout.startswith("NOT HEALTHY"):
                    problems.append(f"a full disk: exit status {q.returncode}: {q.stderr}")
                if m["mcpwatch_healthy"][()] != 0 or m["mcpwatch_log_taking_records"][()] != 0:
                    problems.append(f"a full disk: {m['mcpwatch_healthy']}, {m['mcpwatch_log_taking_records']}")
                os.unlink(disk / "ballast")
                if eventually(lambda: verb(binary, d, "status").returncode, 0) != 0:
                    problems.append("with room again it is not healthy")
        # it says at its end, too, that records were not written
        if p.code != 1 or "were not written" not in p.said:
            problems.append(f"exit status {p.code}: {p.said}")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    return problems


def stopping(binary, d):
    """While it waits for an outlet at its end it answers, and says that it ends; who watches gets every record."""
    problems, got, said = [], bytearray(), []
    (d / "rules.yaml").write_text(RULES)
    (d / "stuck").write_text("#!/bin/sh\nexec sleep 60\n")
    (d / "stuck").chmod(0o755)
    for folder in (d, *d.parents[:2]):  # it is not root that runs it
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    config = f"""
discover: no
watch:
  - exe: {d}/watched
alerts:
  - {{type: command, argv: ["{d}/stuck"], timeout: 30}}
"""
    with daemon(binary, d, config, "--rules", d / "rules.yaml") as p:
        with talk(d, "watched") as t:
            t.call("delete")
        if eventually(lambda: status(binary, d).get("outlets", {}).get("waiting"), 1) != 1:
            problems.append("no alert waits for the outlet")
        watch = connect(d)
        watch.settimeout(WAIT)
        watch.sendall(b"watch\n")
        got += watch.recv(65536)
        p.send_signal(signal.SIGTERM)
        while p.poll() is None:
            q = verb(binary, d, "status", "--json")
            if q.returncode == 0:
                said.append(json.loads(q.stdout)["stopping"])
        while data := watch.recv(65536):
            got += data
        watch.close()
    records, _ = check.parse(log_bytes(d))
    seen = {r["seq"] for r in map(json.loads, bytes(got).splitlines()) if "seq" in r}
    if True not in said or False in said[said.index(True):]:
        problems.append(f"stopping was said to be {said}")
    if records[-1]["seq"] not in seen:
        problems.append(f"the last record is {records[-1]['seq']}, told were those up to {max(seen, default=None)}")
    return problems + ended(p)


SPEAKER = """
import json, socket, sys
TLS = bytes.fromhex("16030100f5010000f10303") + bytes(239)
H2 = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"
listener = socket.create_server(("127.0.0.1", 0))

def ask(port):
    for hello in (TLS, TLS, H2):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(hello)
            s.recv(100)

def serve(port):
    with listener.accept()[0] as s:
        s.recv(1000)

def tls(port):
    with listener.accept()[0] as s:
        s.recv(5) # as OpenSSL reads it
        s.recv(1000)
        s.sendall(b"\\x16\\x03\\x03\\x00\\x30\\x02")

for line in sys.stdin:
    m = json.loads(line)
    if "id" not in m:
        continue
    result = {}
    if m["method"] == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "speaker", "version": "1"}}
    elif m["method"] == "tools/call":
        {"ask": ask, "serve": serve, "tls": tls}[m["params"]["name"]](m["params"]["arguments"]["port"])
        result = {"content": []}
    else:
        result = {"port": listener.getsockname()[1]}
    print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": result}), flush=True)
"""


def client_hello(name):
    sent, context = ssl.MemoryBIO(), ssl.create_default_context()
    try:
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()


def opaque(binary, d):
    """Connections of a server, and to it, that begin as TLS and HTTP/2 are counted; others' are not. Of one
    that it answers its record tells, with the name that was asked for."""
    (d / "speaker.py").write_text(SPEAKER)
    (d / "watched").write_bytes(pathlib.Path("/usr/bin/python3").resolve().read_bytes())
    (d / "watched").chmod(0o755)
    problems = []
    hello = bytes.fromhex("16030100f5010000f10303") + bytes(239)
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/watched\n") as p, \
            socket.create_server(("127.0.0.1", 0)) as other:
        server = subprocess.Popen([d / "watched", "-I", d / "speaker.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def accept():
            for _ in range(3):
                with other.accept()[0] as s:
                    s.recv(1000)
                    s.sendall(b"\x16\x03\x03\x00\x30\x02")

        def ask(i, method, **params):
            server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}).encode() + b"\n")
            server.stdin.flush()

        def answer():
            return json.loads(server.stdout.readline())["result"]
        t = threading.Thread(target=accept)
        t.start()
        try:
            ask(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "c", "version": "1"})
            answer()
            ask(2, "port")
            port = answer()["port"]
            ask(3, "tools/call", name="ask", arguments={"port": other.getsockname()[1]})
            answer()
            ask(4, "tools/call", name="serve", arguments={"port": 0})
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(hello)
                answer()
            ask(5, "tools/call", name="tls", arguments={"port": 0})
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(client_hello("speaker.example.org"))
                answer()
            want = {"tls_in": 2, "http2_in": 0, "tls_out": 2, "http2_out": 1}
            got = eventually(lambda: [s.get("opaque") for s in status(binary, d).get("servers", [])], [want])
            if got != [want]:
                problems.append(f"status says of them {got}")
            m = metrics(verb(binary, d, "metrics").stdout)["mcpwatch_opaque_connections_total"]
            if m != want:
                problems.append(f"metrics: {m}")
            page = verb(binary, d, "status").stdout
            if "tls python, 2 to it unread, asks by TLS 2, by HTTP/2 1" not in page and \
                    "tls, 2 to it unread, asks by TLS 2, by HTTP/2 1" not in page:
                problems.append(f"the page: {page}")
        finally:
            server.stdin.close()
            server.wait(WAIT)
            t.join(WAIT)
    said = [(r["event"], r["tier"]["io"], r["server"].get("sni")) for r in check.parse(log_bytes(d))[0] if r["type"] == "server"]
    clear, tls = (None, "clear"), ("speaker.example.org", "tls")
    if [s[0] for s in itertools.groupby(said, lambda s: (s[2], s[1]))] != [clear, tls] or said[-1][0] != "gone":
        problems.append(f"its records: {said}")
    return problems + ended(p)


CASES = {"control-" + f.__name__.replace("_", "-"): f
         for f in (numbers, losses, hostile_clients, slow_watcher, not_running, metrics_file, full_disk, stopping, opaque)}
