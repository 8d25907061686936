# SPDX-License-Identifier: Apache-2.0
"""Operations that fail: EIO and ENOSPC at every place, half a write, a disk that is full and is not any more.

What is sealed stays as it was; what could not be written is counted in a gap; the next start goes on.
"""

import os
import random
import signal
import subprocess
import time

from .crash import Watch, operations
from .form import Log
from .tool import fresh


def is_missing(r):
    """A gap of the log's own making."""
    return r["type"] == "gap" and r["reason"] in ("log_full", "log_error")


def is_stop(r):
    return r["type"] == "daemon" and r["event"] == "stop"


def missing(log):
    """Records that such gaps say are missing."""
    return sum(r.get("records", 0) for r in Log(log).records() if is_missing(r))


def whole(records, calls):
    """Whether a run of make_log is all there: its calls, and three servers' first requests."""
    return all(sum(r["type"] == kind and r.get("status") != "lost" for r in records) == calls + 3
               for kind in ("request", "call"))


def failing(how, for_n):
    def run(t):
        problems, gaps, refused = [], 0, 0
        first = fresh(t.d / "first")
        t.make(first / "log", first / "keys", 4, 1)
        todo = operations(t, 12, 2, 1 << 14)
        places = list(range(1, len(todo) + 1))
        if not t.long:
            places = sorted(random.sample(places, min(12, len(places))))
        for at in places:
            home = t.d / f"{how}-{at}"
            subprocess.run(["cp", "-a", first, home], check=True)
            w = Watch(t, home)
            w.look("before", (0,))
            n_before = len(w.written)
            env = t.preload({"FAULT_DIRS": f"{home}/log:{home}/keys", "FAULT_AT": at, "FAULT_FOR": for_n,
                             "FAULT_HOW": how})
            why = f"{how} {for_n or 'all'} from operation {at} of {len(todo)}: {todo[at - 1].split('/')[0]}"
            p = t.make(w.log, w.keys, 12, 2, env=env, segment=1 << 14)
            if p.returncode not in (0, 1):
                problems.append(f"{why}: make_log: exit status {p.returncode}: {p.stderr.decode()}")
            refused += p.returncode == 1 and not p.stdout
            w.look(why, (0, 4))
            run_ = Log(w.log).records()[n_before:]
            gaps += sum(r.get("records", 0) for r in run_ if is_missing(r))
            if not whole(run_, 12) and not any(map(is_missing, run_)) and any(map(is_stop, run_)):
                w.say(why, "records are missing of a run that says it stopped, and no gap says so")
            w.go_on(why, 3)
            problems += w.problems
            subprocess.run(["rm", "-rf", home], check=True)
        return problems, f"{len(places)} places, {refused} starts refused, {gaps} records said to be missing"
    return run


class Small:
    """A file system of its own, of so many bytes."""

    def __init__(self, path, size):
        self.path, self.size = path, size

    def __enter__(self):
        self.path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "none", self.path], check=True)
        return self.path

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=True)


def full(t):
    """A small disk that fills, in several sizes so that it does in the middle of whatever is written; keys beside it."""
    problems, gaps = [], 0
    sizes = range(400, 1400, 50 if t.long else 200)
    for kib in sizes:
        with Small(t.d / f"disk-{kib}", f"{kib}k") as disk:
            w = Watch(t, disk)
            w.keys = fresh(t.d / f"keys-{kib}")
            w.keys.chmod(0o700)
            ballast = disk / "ballast"
            ballast.write_bytes(b"b" * (kib << 8))
            argv = [t.built / "make_log", w.log, w.keys, 1500, kib, "open", 0]
            p = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            wait_full(disk, p)
            w.look(f"{kib} KiB, full", (0, 4))
            ballast.unlink()
            err = p.communicate(timeout=180)[1]
            if p.returncode not in (0, 1):
                problems.append(f"{kib} KiB: make_log: exit status {p.returncode}: {err.decode()}")
            w.look(f"{kib} KiB, room again", (0, 4))
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            w.go_on(f"{kib} KiB", 5)
            said = missing(w.log)
            gaps += said
            if not said:
                w.say(f"{kib} KiB", "no gap says that records are missing")
            problems += w.problems
    return problems, f"{len(sizes)} disks, {gaps} records said to be missing"


def wait_full(disk, p):
    """Until nothing goes on to it any more, or the writer has ended. With room left the writer may only wait for its turn."""
    left, same, end = -1, 0, time.monotonic() + 30
    while p.poll() is None and same < (10 if 0 <= left < 32 << 10 else 250) and time.monotonic() < end:
        time.sleep(0.02)
        s = os.statvfs(disk)
        now = s.f_bavail * s.f_frsize
        same = same + 1 if now == left else 0
        left = now


def killed_when_full(t):
    """Full, killed, started on the full disk, killed, then there is room."""
    problems = []
    with Small(t.d / "disk", "900k") as disk:
        w = Watch(t, disk)
        w.keys = fresh(t.d / "keys")
        w.keys.chmod(0o700)
        ballast = disk / "ballast"
        ballast.write_bytes(b"b" * 100000)
        for i in range(3):
            argv = [t.built / "make_log", w.log, w.keys, 1500, 7 + i, "open", 0]
            p = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            wait_full(disk, p)
            p.kill()
            err = p.communicate()[1].decode()
            if p.returncode not in (-signal.SIGKILL, 0, 1):
                problems.append(f"make_log: exit status {p.returncode}: {err}")
            w.look(f"full, killed {i + 1} times", (0, 4))
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        w.go_on("room again", 5)
        problems += w.problems
    return problems


CASES = {"disk-full": full, "disk-full-killed": killed_when_full}
for _how in "EIO", "ENOSPC", "short":
    CASES[f"disk-{_how}-once"] = failing(_how, 1)
for _how in "EIO", "ENOSPC":
    CASES[f"disk-{_how}-for-30"] = failing(_how, 30)
    CASES[f"disk-{_how}-for-ever"] = failing(_how, 0)
