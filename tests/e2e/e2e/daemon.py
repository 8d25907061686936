# SPDX-License-Identifier: Apache-2.0
"""mcpwatch run as it is told: what it is to watch, it watches; the rest it leaves alone. Each case gets the
binary and a folder and returns problems."""

import signal
import subprocess
import threading
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
            found.recorded(d, cases.CALLS)
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
        p.heard("READY=1", 1)
        client(raw_server(d, "first", "a/s"), d / "a")
        config.write_text(f"discover: no\nwatch:\n  - exe: {d}/second\n")
        p.send_signal(signal.SIGHUP)
        p.heard("READY=1", 2)
        client(raw_server(d, "second", "b/s"), d / "b")
    problems = ended(p)
    if "mcpwatch.yaml" not in p.said:
        problems.append(f"the broken configuration was not named: {p.said!r}")
    exes = [r["server"].get("exe", "").rsplit("/", 1)[-1] for r in check.parse(log_bytes(d))[0]
            if r["type"] == "server" and r["event"] == "seen"]
    if exes != ["first", "second"]:
        problems.append(f"servers seen: {exes}")
    return problems


RULE = """rules:
  - id: %s
    title: A call
    severity: low
    on: call
    when: call.tool
    suppress: {by: [call], for: 1s}
"""
REDACT = """redact:
  rules: [{id: door-code, pattern: 'door([0-9]+)', keywords: [door]}]
"""


def reload_rules(binary, d):
    """SIGHUP under load: from the reload's record on the new rules judge, a file with a fault changes nothing and is
    named by file, line and column, and no call is lost meanwhile."""
    rules, config = d / "rules", f"discover: no\nwatch:\n  - exe: {d}/s?\n"
    rules.mkdir()
    def load(names):
        for name in names:
            (d / f"{name}.d").mkdir()
            client(raw_server(d, name, f"{name}.d/s"), d / f"{name}.d")

    def during(name, step, n):
        """A client runs while the nth reload is done."""
        t = threading.Thread(target=load, args=([f"s{name}"],))
        t.start()
        time.sleep(0.1)
        step()
        t.join()
        p.heard("READY=1", n)

    def put(text, broken_config=False):
        (rules / "own.yaml").write_text(text)
        if broken_config:
            (d / "mcpwatch.yaml").write_text("watch: [ {exe: ")
        p.send_signal(signal.SIGHUP)

    (rules / "own.yaml").write_text(RULE % "first")
    with daemon(binary, d, config, "--rules", rules) as p:
        load(["sa"])
        during("b", lambda: put(RULE % "second" + REDACT), 1)
        load(["sc"])
        during("d", lambda: put((RULE % "third").replace("call.tool", "call.tol")), 2)
        load(["se"])
        during("f", lambda: put(RULE % "fourth", broken_config=True), 3)
        load(["sg"])
    problems = ended(p)
    records = check.parse(log_bytes(d))[0]
    said = [r for r in records if r["type"] == "daemon"]
    events = [r["event"] for r in said]
    if events != ["start", "reload", "reload_failed", "reload_failed", "stop"]:
        return problems + [f"daemon records: {events}: {p.said}"]
    start, again, bad, bad_config, _ = said
    if not all(len(r.get(k, "")) == 64 for r in (start, again) for k in ("rules_hash", "config_hash")):
        problems.append(f"hashes: {start}, {again}")
    elif start["rules_hash"] == again["rules_hash"] or start["config_hash"] != again["config_hash"]:
        problems.append(f"hashes do not tell what changed: {start}, {again}")
    if f"{rules}/own.yaml:6:11: " not in bad.get("error", "") or "mcpwatch.yaml" not in bad_config.get("error", ""):
        problems.append(f"faults: {bad}, {bad_config}")
    if any(r["error"] not in p.said for r in (bad, bad_config)):
        problems.append(f"stderr does not name them: {p.said}")
    if p.told.count("READY=1") != 3 or sum(t.startswith("RELOADING=1\nMONOTONIC_USEC=") for t in p.told) != 3:
        problems.append(f"told the service manager {p.told}")
    if [r["seq"] for r in records] != list(range(len(records))):
        problems.append("holes in seq")
    gaps = [r for r in records if r["type"] == "gap"]
    calls = [r["status"] for r in records if r["type"] == "call" and r.get("method") == "tools/call"]
    if gaps or calls != ["ok"] * cases.CALLS * 7:
        problems.append(f"{len(calls)} calls of {cases.CALLS * 7}, gaps {gaps[:3]}")
    fired = [(r["rule"], r["seq"] > again["seq"]) for r in records if r["type"] == "alert"]
    if not {("first", False), ("second", True)} <= set(fired) or {("first", True), ("second", False)} & set(fired) or \
            any(rule in ("third", "fourth") for rule, _ in fired):
        problems.append(f"alerts before and after the reload: {sorted(set(fired))}")
    late = {rule for r in records if r["type"] == "call" and r["seq"] > bad_config["seq"] for rule in r.get("alerts", [])}
    if "second" not in late:
        problems.append(f"after the reloads that failed: {late}")
    return problems


def one_writer(binary, d):
    with daemon(binary, d, f"watch:\n  - exe: {d}/nothing\n") as p:
        second = subprocess.run([binary, "run", "--config", d / "mcpwatch.yaml", "--log", d / "log",
                                 "--keys", d / "keys", "--state", d / "state"],
                                capture_output=True, timeout=WAIT)
    problems = ended(p)
    if second.returncode != 1 or len(second.stderr.splitlines()) != 1:
        problems.append(f"a second daemon on the same log: exit status {second.returncode}: {second.stderr}")
    return problems


CASES = {"run-" + f.__name__.replace("_", "-"): f for f in (named, running, reload, reload_rules, one_writer)} | found.CASES
