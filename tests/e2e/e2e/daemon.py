# SPDX-License-Identifier: Apache-2.0
"""mcpwatch run: what it is told to watch, it watches; the rest it leaves alone. Each case gets the binary
and a folder and returns problems."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time

from . import cases, check

WAIT = 20


@contextlib.contextmanager
def daemon(binary, d, config, *args):
    """A running daemon; what it told the service manager is in .told, its exit status after the block in .code."""
    (d / "mcpwatch.yaml").write_text(config)
    path = d / "notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(WAIT)
        p = subprocess.Popen([binary, "run", "--config", d / "mcpwatch.yaml", "--log", d / "log", *args],
                             stderr=subprocess.PIPE, env={"NOTIFY_SOCKET": str(path), "PATH": "/usr/bin:/bin"})
        try:
            p.ready = s.recv(64) == b"READY=1"
            yield p
            p.send_signal(signal.SIGTERM)
            p.said = p.communicate(timeout=WAIT)[1].decode()
            p.code = p.returncode
            s.setblocking(False)
            p.told = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    p.told.append(s.recv(64).decode())
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()


def log_bytes(d):
    return b"".join(f.read_bytes() for f in sorted((d / "log/seg").iterdir()))


def raw_server(d, name, folder):
    """The raw server under a program name of its own, so that a configuration can name it."""
    s = cases.server("raw", d / folder)
    shutil.copy(s.argv[0], d / name)
    s.argv[0], s.exe, s.marks = str(d / name), name, [name]
    return s


def client(s, d):
    truth = cases.raw(d, [s], cases.one_by_one(s, cases.MIX), demand={"evidence": "any", "anomaly": 0})
    subprocess.run(list(map(str, truth.argv)), check=True, timeout=60, stdin=subprocess.DEVNULL)
    return truth


def ended(p):
    problems = [] if p.code == 0 else [f"exit status {p.code} after SIGTERM: {p.said}"]
    return problems + ([] if p.told[-1:] == ["STOPPING=1"] else [f"told the service manager {p.told}"])


def named(binary, d):
    """A server named by the configuration is watched; another one, the same but for its name, is not. A
    second start goes on in the same log."""
    problems, truths = [], []
    config = f"watch:\n  - exe: {d}/watched\n"
    for i in range(2):
        with daemon(binary, d, config) as p:
            truths.append(client(raw_server(d, "watched", f"run{i}/s"), d / f"run{i}"))
            (d / f"other{i}").mkdir()
            client(raw_server(d, "unwatched", f"other{i}/s"), d / f"other{i}")
        problems += ended(p)
        data = log_bytes(d)
        if b"unwatched" in data:
            problems.append("the log knows of the server that was not named")
        if i == 0:
            problems += truths[0].load() + check.everything(data, truths[0])
    records, more = check.parse(data)
    calls = sum(r["type"] == "call" and r.get("method") == "tools/call" for r in records)
    problems += more + check.form(records)
    if calls != 2 * cases.CALLS:
        problems.append(f"{calls} calls in the log of two runs, expected {2 * cases.CALLS}")
    p = subprocess.run([binary, "log", "--log", d / "log", "--type", "call", "--json"], capture_output=True)
    if p.returncode != 0 or p.stdout.count(b'"tools/call"') != 2 * cases.CALLS:
        problems.append(f"mcpwatch log: exit status {p.returncode}, {p.stdout.count(b'tools/call')} calls: {p.stderr}")
    return problems


def running(binary, d):
    """A server that ran before the daemon, its conversation joined in the middle."""
    s = raw_server(d, "watched", "s")
    server = subprocess.Popen(s.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(line):
        server.stdin.write(line.encode() + b"\n")
        server.stdin.flush()
        return server.stdout.readline()

    try:
        ask(cases.INITIALIZE)
        with daemon(binary, d, f"watch:\n  - argv: '*{d}/watched*'\n") as p:
            for _ in range(cases.CALLS):
                ask(cases.add_raw(s, "delete"))
            time.sleep(0.3)
    finally:
        server.stdin.close()
        server.wait(WAIT)
    problems = ended(p)
    calls = [r for r in check.parse(log_bytes(d))[0] if r["type"] == "call"]
    if [r["status"] for r in calls] != ["ok"] * cases.CALLS:
        problems.append(f"calls: {[r['status'] for r in calls]}")
    for r, planned in zip(calls, s.calls):
        targets = [(e["kind"], e["target"]) for e in r.get("effects", []) if e["kind"] == "file.delete"]
        if targets != [("file.delete", planned.arguments["path"])]:
            problems.append(f"call {r['rpc_id']}: {targets}")
    return problems


def reload(binary, d):
    """SIGHUP takes a new configuration, or none of a broken one."""
    config = d / "mcpwatch.yaml"
    with daemon(binary, d, f"watch:\n  - exe: {d}/first\n") as p:
        config.write_text("watch: [ {exe: ")
        p.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        client(raw_server(d, "first", "a/s"), d / "a")
        config.write_text(f"watch:\n  - exe: {d}/second\n")
        p.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        client(raw_server(d, "second", "b/s"), d / "b")
    problems = ended(p)
    if "mcpwatch.yaml" not in p.said:
        problems.append(f"the broken configuration was not named: {p.said!r}")
    exes = [r["server"].get("exe", "").rsplit("/", 1)[-1] for r in check.parse(log_bytes(d))[0]
            if r["type"] == "server" and r["event"] == "seen"]
    if exes != ["first", "second"]:
        problems.append(f"servers seen: {exes}")
    return problems


def one_writer(binary, d):
    with daemon(binary, d, f"watch:\n  - exe: {d}/nothing\n") as p:
        second = subprocess.run([binary, "run", "--config", d / "mcpwatch.yaml", "--log", d / "log"],
                                capture_output=True, timeout=WAIT)
    problems = ended(p)
    if second.returncode != 1 or len(second.stderr.splitlines()) != 1:
        problems.append(f"a second daemon on the same log: exit status {second.returncode}: {second.stderr}")
    return problems


CASES = {"run-" + f.__name__.replace("_", "-"): f for f in (named, running, reload, one_writer)}
