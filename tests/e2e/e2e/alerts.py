# SPDX-License-Identifier: Apache-2.0
"""Alerts out of a daemon: to every kind of outlet, each held against the log; to outlets that are dead, slow or
hostile, which hold up nothing; on the screen and in the verbs. Each case gets the binary and a folder and returns
problems."""

import collections
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

from . import cases, check
from .anchors import drain, octets
from .host import client, daemon, ended, eventually, log_bytes, raw_server

WAIT = 90
KEY = b"a-key-of-the-alerts"
RULE = """
rules:
  - id: test.delete
    title: A file was deleted
    severity: high
    on: effect
    when: effect.kind = file.delete
    tags: [attack.t1070.004]
"""
DELETES = cases.MIX.count("delete")
SYSLOG = re.compile(r'<8([2-5])>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ mcpwatch \d+ (\S+) '
                    r'\[mcpwatchAlert@32473((?: \w+="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)', re.S)


def rules(d):
    (d / "rules.yaml").write_text(RULE)
    return d / "rules.yaml"


def reachable(d):
    """Helpers and commands are nobody."""
    os.chmod(d, 0o755)
    for p in d.parents[:2]:
        os.chmod(p, os.stat(p).st_mode | 0o011)


@contextlib.contextmanager
def datagrams(path):
    """All that comes to a unix socket: its queue is short, and who sends more waits."""
    got, end = [], threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        os.chmod(path, 0o666)
        s.settimeout(0.1)

        def take():
            while not end.is_set():
                with contextlib.suppress(TimeoutError):
                    got.append(s.recv(65536))

        t = threading.Thread(target=take)
        t.start()

        def all_of_it():
            """Who sent has ended: what it left in the queue, too."""
            end.set()
            t.join()
            return b"".join(m + b"\n" for m in got) + drain(s, False)

        try:
            yield all_of_it
        finally:
            end.set()
            t.join()


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def webhook(tls=None):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    s.got = []
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
        s.socket = context.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
        s.handle_error = lambda *args: None  # who does not trust it hangs up
    t = threading.Thread(target=s.serve_forever, daemon=True)
    t.start()
    try:
        yield s
    finally:
        s.shutdown()
        s.server_close()


def certificate(d):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", d / "key.pem", "-out", d / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)


def in_log(d, **want):
    records, problems = check.parse(log_bytes(d))
    return [r for r in records if all(r.get(k) == v for k, v in want.items())], problems


def ours(hook):
    """How many of its alerts are of our rule."""
    return sum(b"test.delete" in body for _, body in hook.got)


def same(name, got, alerts):
    """got: seq of each alert that came."""
    want = [r["seq"] for r in alerts]
    return [] if sorted(got) == want else [f"{name}: got the alerts {sorted(got)}, the log has {want}"]


def check_lines(name, data, alerts):
    problems, got, by_seq = [], [], {r["seq"]: r for r in alerts}
    for line in data.decode().splitlines():
        m = SYSLOG.fullmatch(line)
        if not m:
            problems.append(f"{name}: no such line of syslog: {line}")
            continue
        if m[2] != "test.delete":
            continue  # a default rule's
        params = collections.defaultdict(list)
        for k, v in re.findall(r' (\w+)="((?:[^"\\\]]|\\["\\\]])*)"', m[3]):
            params[k].append(re.sub(r"\\(.)", r"\1", v))
        seq = int(params["seq"][0])
        got.append(seq)
        r = by_seq.get(seq, {})
        if (params["target"], params["call"], params["tag"]) != (r.get("targets"), r.get("calls"), r.get("tags")) or m[1] != "3":
            problems.append(f"{name}: alert {seq}: {dict(params)}, the log has {r}")
        if not m[4].startswith("{") and not all(t in m[4] for t in r.get("targets", [])):
            problems.append(f"{name}: alert {seq}: {m[4]}")
        if m[4].startswith("{") and json.loads(m[4]) != r:
            problems.append(f"{name}: alert {seq} is not the log's: {m[4]}")
    return problems + same(name, got, alerts)


def every_kind(binary, d):
    problems = []
    reachable(d)
    certificate(d)
    (d / "hook.header").write_text("Authorization: Bearer of-bad-news\n")
    (d / "hook.key").write_bytes(KEY + b"\n")
    for secret in "hook.header", "hook.key":
        os.chmod(d / secret, 0o600)
    (d / "out").touch()
    os.chmod(d / "out", 0o666)
    (d / "command").write_text(f"#!/bin/sh\n(cat; sed -n 's/^\\(Uid\\|CapEff\\|NoNewPrivs\\):/# &/p' /proc/self/status) >>{d}/out\n")
    os.chmod(d / "command", 0o755)
    with (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp,
          datagrams(d / "collector") as unix, webhook() as hook, webhook(d) as tls):
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        tcp.settimeout(WAIT)
        config = f"""
discover: no
watch:
  - exe: {d}/watched
alerts:
  - {{type: stderr, format: json, burst: 100}}
  - {{type: syslog, address: "udp://127.0.0.1:{udp.getsockname()[1]}", burst: 100}}
  - {{type: syslog, address: "tcp://localhost:{tcp.getsockname()[1]}", burst: 100, format: json}}
  - {{type: syslog, address: "unix:{d}/collector", burst: 100, severity: high}}
  - {{type: syslog, address: "unix:{d}/nobody", severity: critical}}
  - {{type: webhook, address: "http://127.0.0.1:{hook.server_port}/a?b=secret", header_file: {d}/hook.header,
     hmac_key_file: {d}/hook.key, burst: 100}}
  - {{type: webhook, address: "https://localhost:{tls.server_port}/", ca_file: {d}/cert.pem, burst: 100}}
  - {{type: webhook, address: "https://127.0.0.1:{tls.server_port}/untrusted", burst: 100}}
  - {{type: command, argv: ["{d}/command"], burst: 100}}
"""
        with daemon(binary, d, config, "--rules", rules(d)) as p:
            (d / "run").mkdir()
            client(raw_server(d, "watched", "run/s"), d / "run")
            eventually(lambda: ours(hook) >= DELETES and ours(tls) >= DELETES)
            eventually(lambda: sum("test.delete" in x for x in (d / "out").read_text().splitlines()) >= DELETES)
        problems += ended(p)
        with tcp.accept()[0] as c:
            said = {"tcp": octets(drain(c, True))}
        said |= {"udp": drain(udp, False), "unix": unix()}
    alerts, more = in_log(d, type="alert", rule="test.delete")
    problems += more
    if len(alerts) != DELETES or not all(r["severity"] == "high" for r in alerts):
        problems.append(f"{len(alerts)} alerts in the log, expected {DELETES}")
    for name, data in said.items():
        problems += check_lines(name, data, alerts)
    on_stderr = [json.loads(x) for x in p.said.splitlines() if x.startswith('{"v":1')]
    problems += same("stderr", [r["seq"] for r in on_stderr if r["rule"] == "test.delete"], alerts)
    for name, s in ("webhook", hook), ("webhook by TLS", tls):
        bodies = [json.loads(body) for _, body in s.got]
        problems += same(name, [r["seq"] for r in bodies if r["rule"] == "test.delete"], alerts)
    for head, body in hook.got:
        signed = "sha256=" + hmac.new(KEY, body, hashlib.sha256).hexdigest()
        if head.get("X-Mcpwatch-Signature") != signed or head.get("Authorization") != "Bearer of-bad-news":
            problems.append(f"webhook: headers {head}")
            break
    lines = (d / "out").read_text().splitlines()
    problems += same("command", [json.loads(x)["seq"] for x in lines if x[0] == "{" and "test.delete" in x], alerts)
    who = {x for x in lines if x[0] == "#"}
    if who != {"# Uid:\t65534\t65534\t65534\t65534", "# CapEff:\t0000000000000000", "# NoNewPrivs:\t1"}:
        problems.append(f"the command is {who}")
    # a certificate that nobody trusts: nothing went there, that was said, and it is counted
    gaps, _ = in_log(d, type="gap", reason="alerts_unsent")
    lost = collections.Counter()
    for g in gaps:
        lost[g["where"]] += g["events"]
    if set(lost) != {f"webhook https://127.0.0.1:{tls.server_port}"} or sum(lost.values()) < DELETES:
        problems.append(f"alerts said not to be delivered: {dict(lost)}")
    if "certificate" not in p.said or "secret" in p.said.replace("that holds secrets", ""):
        problems.append(f"the daemon says: {p.said}")
    return problems


def hostile(binary, d):
    """Outlets that are dead, never read, never end, or answer too much: every call is recorded, every alert is in
    the log, what did not arrive is counted, and the daemon ends in time."""
    problems = []
    reachable(d)
    (d / "stuck").write_text("#!/bin/sh\ntrap '' TERM\nsetsid sleep 1000 &\nsleep 1000\n")
    os.chmod(d / "stuck", 0o755)

    class Bad(Hook):
        def do_POST(self):
            self.server.got.append(self.path)
            if self.path == "/megabytes":
                self.send_response(503)
                self.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(1024):
                        self.wfile.write(b"x" * 1024)
            elif self.path == "/away":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/followed")
                self.end_headers()
            elif self.path == "/garbage":
                self.wfile.write(b"\0\1\2 HTTP? \n\n" * 1000)
            else:
                self.server.end.wait(WAIT)

    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bad)
    s.got, s.end = [], threading.Event()
    threading.Thread(target=s.serve_forever, daemon=True).start()
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        hooks = "".join(f'  - {{type: webhook, address: "http://127.0.0.1:{s.server_port}/{x}", timeout: 2}}\n'
                        for x in ("megabytes", "away", "garbage", "hang"))
        config = f"""
discover: no
watch:
  - exe: {d}/watched
alerts:
{hooks}  - {{type: syslog, address: "unix:{d}/nobody"}}
  - {{type: syslog, address: "udp://no-such-host.invalid:514"}}
  - {{type: syslog, address: "tcp://127.0.0.1:{tcp.getsockname()[1]}"}}
  - {{type: command, argv: ["{d}/stuck"], timeout: 2}}
  - {{type: command, argv: [/bin/false]}}
"""
        truths = []
        with daemon(binary, d, config, "--rules", rules(d)) as p:
            for i in range(3):
                (d / f"run{i}").mkdir()
                truths.append(client(raw_server(d, "watched", f"run{i}/s"), d / f"run{i}"))
            begin = time.monotonic()
        took = time.monotonic() - begin
    s.end.set()
    s.shutdown()
    s.server_close()
    problems += ended(p)
    # of its own accord 5 s; with what hangs at each of their limits it would be minutes
    if took > 25:
        problems.append(f"the daemon took {took:.1f} s to end")
    calls, more = in_log(d, type="call", method="tools/call")
    alerts, _ = in_log(d, type="alert", rule="test.delete")
    problems += more
    if len(calls) != 3 * cases.CALLS or any(c["evidence"] != "complete" for c in calls):
        problems.append(f"{len(calls)} calls recorded, of {3 * cases.CALLS}")
    n_alerts = sum(a.get("count", 1) for a in alerts)
    if n_alerts != 3 * DELETES:
        problems.append(f"{n_alerts} alerts in the log, of {3 * DELETES}")
    gaps, _ = in_log(d, type="gap", reason="alerts_unsent")
    lost = collections.Counter()
    for g in gaps:
        lost[g["where"]] += g["events"]
    # none of them takes one, but for TCP, where nobody can tell
    for name in (f"webhook http://127.0.0.1:{s.server_port}", f"syslog unix:{d}/nobody",
                 "syslog udp://no-such-host.invalid:514", f"command {d}/stuck", "command /bin/false"):
        n = 4 if name.startswith("webhook") else 1
        if lost[name] < n * len(alerts):
            problems.append(f"{name}: {lost[name]} alerts said not to be delivered, of {n * len(alerts)}")
    if "/followed" in s.got:
        problems.append("a redirection was followed")
    if subprocess.run(["pgrep", "-f", f"{d}/stuck"], capture_output=True).returncode == 0:
        problems.append("a command goes on")
    return problems


def reload(binary, d):
    """SIGHUP takes other outlets, another token of the same configuration, or nothing of what has a fault."""
    problems = []
    reachable(d)
    token = d / "hook.header"

    def configure(port, word, more=""):
        token.write_text(f"Authorization: {word}\n")
        os.chmod(token, 0o600)
        return f"""
discover: no
watch:
  - exe: {d}/watched
alerts:
  - {{type: webhook, address: "http://127.0.0.1:{port}/", header_file: {token}, burst: 100}}
{more}"""

    def hup(p, n, text=None):
        if text:
            (d / "mcpwatch.yaml").write_text(text + "log: {append_only: no}\n")
        p.send_signal(signal.SIGHUP)
        p.heard("READY=1", n)

    with webhook() as a, webhook() as b:
        with daemon(binary, d, configure(a.server_port, "one"), "--rules", rules(d)) as p:
            for i in range(4):
                (d / f"run{i}").mkdir()
                if i == 1:
                    hup(p, i, configure(b.server_port, "two"))
                elif i == 2:
                    configure(b.server_port, "three")
                    hup(p, i)
                elif i == 3:
                    hup(p, i, configure(a.server_port, "four", "  - {type: pager}\n"))
                client(raw_server(d, "watched", f"run{i}/s"), d / f"run{i}")
                eventually(lambda: ours(a if i == 0 else b) >= DELETES * max(i, 1))  # noqa: B023: called at once
        problems += ended(p)
        want = [("one", DELETES)], [("two", DELETES), ("three", 2 * DELETES)]
        for s, counts in zip((a, b), want):
            seen = collections.Counter(h.get("Authorization") for h, body in s.got if b"test.delete" in body)
            if seen != dict(counts):
                problems.append(f"a webhook got {dict(seen)}, expected {counts}")
    if ":7:12: 'type' must be" not in p.said:
        problems.append(f"the faulty configuration: {p.said}")
    if in_log(d, type="gap", reason="alerts_unsent")[0]:
        problems.append("alerts were lost")
    return problems


def config_checked(binary, d):
    problems = []
    f = d / "mcpwatch.yaml"
    for text, want in [
        ("alerts:\n  - type: pager\n", ":2:11: 'type' must be"),
        ("alerts:\n  - type: webhook\n    address: gopher://x\n", ":3:14: 'address' must be"),
        ("alerts:\n  - type: command\n    argv: [/nowhere/x]\n", ":3:12: '/nowhere/x' cannot be executed"),
        ("alerts:\n  - type: stderr\n    rate: many\n", ":3:11: 'rate' must be a number"),
        ("alerts:\n  - type: stderr\n    severity: all\n", ":3:15: 'severity' must be"),
    ]:
        f.write_text(text)
        p = subprocess.run([binary, "run", "--check", "--config", f], capture_output=True, text=True, timeout=WAIT)
        if p.returncode != 1 or f"{f}{want}" not in p.stderr or p.stderr.count("\n") != 1:
            problems.append(f"--check of {text!r}: {p.returncode}, {p.stderr}")
    f.write_text("alerts:\n  - type: stderr\n  - {type: command, argv: [/bin/true]}\n")
    p = subprocess.run([binary, "run", "--check", "--config", f], capture_output=True, text=True, timeout=WAIT)
    if p.returncode != 0:
        problems.append(f"--check of a good file: {p.returncode}, {p.stderr}")
    return problems


def verbs(binary, d):
    """A line per alert on exec's screen; log and show find it."""
    problems = []
    s = cases.server("raw", d / "s")
    truth = cases.raw(d, [s], cases.one_by_one(s, cases.MIX))
    p = subprocess.run([binary, "exec", "--state", "none", "--rules", rules(d), "--output", d / "records", "--", *map(str, truth.argv)],
                       capture_output=True, text=True, timeout=WAIT)
    records, _ = check.parse((d / "records").read_bytes())
    alerts = [r for r in records if r["type"] == "alert" and r["rule"] == "test.delete"]
    if p.returncode != 0 or len(alerts) != DELETES:
        problems.append(f"exec: exit status {p.returncode}, {len(alerts)} alerts: {p.stderr[-300:]}")
    lines = [x for x in p.stderr.splitlines() if "  ALERT  high  test.delete  A file was deleted  " in x]
    for r in alerts:
        if not any(r["targets"][0] in x and r["calls"][0] in x and "  delete  " in x for x in lines):
            problems.append(f"no line on the screen for {r}")
    if "\x1b" in p.stderr:
        problems.append("colours where there is no terminal")

    def run(*args):
        return subprocess.run([binary, *args, "--log", d / "records"], capture_output=True, text=True, timeout=WAIT)

    found = [json.loads(x) for x in run("log", "--type", "alert", "--alert", "test.*", "--json").stdout.splitlines()]
    problems += same("log --type alert --alert", [r["seq"] for r in found], alerts)
    found = [json.loads(x) for x in run("log", "--alert", "test.delete", "--type", "call", "--json").stdout.splitlines()]
    want = sorted(c for r in alerts for c in r["calls"])
    if sorted(r["call"] for r in found) != want:
        problems.append(f"log --alert --type call: {[r['call'] for r in found]}, expected {want}")
    if run("log", "--alert", "no.such").stdout:
        problems.append("log --alert no.such finds something")
    for r in alerts[:2]:
        out = run("show", r["calls"][0]).stdout
        if "test.delete" not in out or "A file was deleted" not in out:
            problems.append(f"show {r['calls'][0]} does not tell of its alert: {out[-400:]}")
        kept = json.loads(run("show", r["calls"][0], "--json").stdout)
        if [x["seq"] for x in kept.get("alerts", []) if x["rule"] == "test.delete"] != [r["seq"]]:
            problems.append(f"show {r['calls'][0]} --json: {kept.get('alerts')}")
    return problems


CASES = {"alerts-outlets": every_kind, "alerts-hostile": hostile, "alerts-reload": reload, "alerts-config": config_checked,
         "alerts-verbs": verbs}
