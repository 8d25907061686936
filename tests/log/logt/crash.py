# SPDX-License-Identifier: Apache-2.0
"""The writer dies: at random moments, before and in the middle of every operation on its files, without power.

After each death: `verify` says whole or unsealed, no record that was sealed is lost or changed, no record that was
written is lost (but for power), and the next start goes on, closes what was open and ends in a whole log.
"""

import json
import random
import signal
import subprocess
import time

from .form import Bad, Log
from .tool import fresh


class Watch:
    """A log over its deaths: what of it may not change any more."""

    def __init__(self, t, home):
        self.t, self.home = t, home
        self.log, self.keys = home / "log", home / "keys"
        self.sealed, self.written = [], []
        self.problems = []

    def say(self, why, problem):
        self.problems.append(f"{why}: {problem}")

    def look(self, why, codes, lost_tail=False):
        """After a death or a stop. lost_tail: what was not sealed may be gone."""
        if not (self.log / "checkpoint").exists():
            return  # no seal yet: nothing is promised
        v = self.t.verify(self.log)
        if v.code not in codes:
            self.say(why, f"expected {codes}: {v}")
        try:
            now = Log(self.log)
            n = now.sealed()
        except (Bad, ValueError, OSError) as e:
            return self.say(why, f"by our own reading: {e}")
        if now.lines[:len(self.sealed)] != self.sealed:
            self.say(why, f"of {len(self.sealed)} sealed records some are lost or changed")
        if not lost_tail and now.lines[:len(self.written)] != self.written:
            self.say(why, f"of {len(self.written)} written records some are lost or changed")
        self.sealed, self.written = now.lines[:n], now.lines

    def go_on(self, why, seed):
        """A run that nothing happens to, and what it must have said of the one before."""
        before = [json.loads(line) for line in self.written]
        p = self.t.make(self.log, self.keys, 3, seed)
        if p.returncode:
            return self.say(why, f"the next start: exit status {p.returncode}: {p.stderr.decode()}")
        self.look(f"{why}, gone on", (0,))
        try:
            whole = Log(self.log)
            if whole.verify() != len(whole.lines):
                self.say(why, "the next run left records unsealed")
        except Bad as e:
            return self.say(why, f"gone on: by our own reading: {e}")
        after = [json.loads(line) for line in whole.lines[len(before):]]
        self.closed(why, before, after)
        if before and not any(r["type"] == "gap" and r["reason"] == "restarted" for r in after):
            self.say(why, "the next run has no gap 'restarted'")

    def closed(self, why, before, after):
        open_calls = {r["call"] for r in before if r["type"] == "request"}
        open_calls -= {r["call"] for r in before if r["type"] == "call"}
        lost = {r["call"] for r in after if r["type"] == "call" and r["status"] == "lost"}
        if open_calls - lost:
            self.say(why, f"{len(open_calls - lost)} of {len(open_calls)} calls in flight are not closed as lost")


def kills(t):
    """kill -9 at random moments under load, the same log going on through several of them."""
    n, problems, dead, unsealed = 500 if t.long else 30, [], 0, 0
    w = Watch(t, fresh(t.d / "log-0"))
    for i in range(n):
        argv = [t.built / "make_log", w.log, w.keys, 100000, random.randrange(1 << 31), "stop",
                random.choice((0, 1 << 16))]
        p = subprocess.Popen(list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(random.uniform(0, 0.25))
        p.kill()
        said = p.communicate()[1].decode()
        if p.returncode != -signal.SIGKILL:
            problems.append(f"kill {i}: make_log: exit status {p.returncode}: {said}")
            break
        dead += 1
        w.look(f"kill {i}", (0, 4))
        unsealed += len(w.written) - len(w.sealed)
        if i % 10 == 9:
            w.go_on(f"kill {i}", i)
            problems += w.problems
            w = Watch(t, fresh(t.d / f"log-{i}"))
    return problems + w.problems, f"{dead} kills, {unsealed} records unsealed at them"


def operations(t, calls, seed, segment):
    """How many there are in an undisturbed run."""
    home = fresh(t.d / "count")
    env = t.preload({"FAULT_DIRS": f"{home}/log:{home}/keys", "FAULT_LOG": home / "operations"})
    p = t.make(home / "log", home / "keys", calls, seed, env=env, segment=segment)
    if p.returncode:
        raise RuntimeError(f"make_log: exit status {p.returncode}: {p.stderr.decode()}")
    return (home / "operations").read_text().splitlines()


def each_operation(t, how, each):
    """The writer dies at that operation of its second run on a log; then it goes on."""
    problems = []
    first = fresh(t.d / "first")
    t.make(first / "log", first / "keys", 4, 1)
    todo = operations(t, 12, 2, 1 << 14)
    places = list(range(1, len(todo) + 6))
    if each < len(places):
        places = sorted(random.sample(places, each))
    for at in places:
        home = t.d / f"{how}-{at}"
        subprocess.run(["cp", "-a", first, home], check=True)
        w = Watch(t, home)
        w.look("before", (0,))
        env = t.preload({"FAULT_DIRS": f"{home}/log:{home}/keys", "FAULT_AT": at, "FAULT_FOR": 1, "FAULT_HOW": how})
        p = t.make(w.log, w.keys, 12, 2, env=env, segment=1 << 14)
        why = f"{how} at operation {at} of {len(todo)}"
        if p.returncode not in (0, -signal.SIGKILL):
            problems.append(f"{why}: make_log: exit status {p.returncode}: {p.stderr.decode()}")
            continue
        w.look(why, (0, 4), lost_tail=how == "power")
        w.go_on(why, 3)
        problems += w.problems
        subprocess.run(["rm", "-rf", home], check=True)
    return problems, f"{len(places)} places"


def new_log(t):
    """The first start of all: dies at each operation until the first seal is made."""
    problems, n = [], 0
    todo = operations(t, 1, 2, 0)
    for how in ("kill", "half", "power") if t.long else ("half",):
        for at in range(1, min(len(todo), 60) + 1, 1 if t.long else 3):
            home = fresh(t.d / f"new-{how}-{at}")
            w = Watch(t, home)
            env = t.preload({"FAULT_DIRS": f"{home}/log:{home}/keys", "FAULT_AT": at, "FAULT_FOR": 1,
                             "FAULT_HOW": how})
            t.make(w.log, w.keys, 1, 2, env=env)
            n += 1
            w.look(f"{how} at operation {at}", (0, 4), lost_tail=how == "power")
            w.go_on(f"{how} at operation {at}", 3)
            problems += w.problems
            subprocess.run(["rm", "-rf", home], check=True)
    return problems, f"{n} deaths"


def sweep(how, quick):
    def run(t):
        return each_operation(t, how, 10**6 if t.long else quick)
    return run


CASES = {"crash-kills": kills, "crash-new-log": new_log}
CASES |= {f"crash-{how}": sweep(how, 12) for how in ("kill", "half", "after", "power")}
