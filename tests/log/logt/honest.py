# SPDX-License-Identifier: Apache-2.0
"""Honest logs of random sizes, stops and crashes: none may be called bad."""

import json
import random
import signal
import subprocess
import time

from .form import Bad, Log
from .tool import sealed_prefix


def one(t, home, runs, independent):
    """One log of several runs. Problems."""
    log, keys, problems = home / "log", home / "keys", []
    before, segment = [], random.choice((0, 1 << 14, 1 << 16, 1 << 18))
    for i in range(runs):
        last = i == runs - 1
        end = "stop" if last else random.choice(("stop", "open", "kill", "shot"))
        calls, seed = random.choice((0, 1, random.randrange(60), random.randrange(250))), random.randrange(1 << 31)
        argv = [t.built / "make_log", log, keys, calls, seed, "stop" if end == "shot" else end, segment]
        p = subprocess.Popen(list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if end == "shot":
            time.sleep(random.uniform(0, 0.08))
            p.kill()
        said = p.communicate(timeout=180)[1].decode()
        if p.returncode not in ((-signal.SIGKILL,) if end == "kill" else (0, -signal.SIGKILL)):
            return [f"{argv}: exit status {p.returncode}: {said}"]
        shot = p.returncode != 0
        if shot and not (log / "checkpoint").exists():
            continue  # it had no time for a first seal
        v = t.verify(log)
        if v.code not in ((0, 4) if shot else (0,)):
            problems.append(f"{segment} {argv[3:]}: {v}")
        now = sealed_prefix(log)
        if now[:len(before)] != before:
            problems.append(f"{argv[3:]}: of {len(before)} sealed records some have changed")
        before = now
    try:
        if independent:
            whole = Log(log)
            if whole.verify() != len(whole.lines):
                problems.append("unsealed records after a stop")
    except Bad as e:
        problems.append(f"by our own reading: {e}")
    return problems


def logs(t):
    n, problems, records, crashes = 1000 if t.long else 40, [], 0, 0
    for i in range(n):
        home = t.d / f"log-{i}"
        home.mkdir()
        said = one(t, home, random.choice((1, 1, 2, 3, 5)), i % 5 == 0 or not t.long)
        if said:
            problems += [f"log {i}: {s}" for s in said]
            continue
        lines = Log(home / "log").lines
        records += len(lines)
        crashes += sum(json.loads(r).get("reason") == "restarted" for r in lines if b'"gap"' in r)
        subprocess.run(["rm", "-rf", home], check=True)
    return problems, f"{n} logs, {records} records, {crashes} crashes among them"


CASES = {"honest-logs": logs}
