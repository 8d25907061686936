# SPDX-License-Identifier: Apache-2.0
"""mcpwatch run as it is told: what it is to watch, it watches; the rest it leaves alone. Each case gets the
binary and a folder and returns problems."""

import signal
import subprocess
import time

from . import cases, check, found
from .host import WAIT, client, daemon, ended, log_bytes, raw_server


def named(binary, d):
    """A server named by the configuration is watched; another one, the same but for its name, is not. A
    second start goes on in the same log."""
    problems, truths = [], []
    config = f"discover: no\nwatch:\n  - exe: {d}/watched\n"
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
        with daemon(binary, d, f"discover: no\nwatch:\n  - argv: '*{d}/watched*'\n") as p:
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
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/first\n") as p:
        config.write_text("watch: [ {exe: ")
        p.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        client(raw_server(d, "first", "a/s"), d / "a")
        config.write_text(f"discover: no\nwatch:\n  - exe: {d}/second\n")
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
        second = subprocess.run([binary, "run", "--config", d / "mcpwatch.yaml", "--log", d / "log",
                                 "--keys", d / "keys"],
                                capture_output=True, timeout=WAIT)
    problems = ended(p)
    if second.returncode != 1 or len(second.stderr.splitlines()) != 1:
        problems.append(f"a second daemon on the same log: exit status {second.returncode}: {second.stderr}")
    return problems


CASES = {"run-" + f.__name__.replace("_", "-"): f for f in (named, running, reload, one_writer)} | found.CASES
