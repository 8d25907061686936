# SPDX-License-Identifier: Apache-2.0
"""What the cases share: the programs, logs to work on, and what `verify` says of one."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from .form import Log

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT = 300


class Verdict:
    """What `verify --json` says."""

    def __init__(self, p):
        self.code, self.text = p.returncode, (p.stdout + p.stderr).decode(errors="replace")
        try:
            self.said = json.loads(p.stdout)
        except ValueError:
            self.said = {}
        self.finding = self.said.get("finding", {})

    @property
    def named(self):
        """The record that is said to be the first bad one; None: none is."""
        return self.finding.get("seq")

    def __str__(self):
        f = self.finding
        said = f"{f['kind']}: record {f.get('seq')} {f.get('file', '')} {f['text']}" if f else self.said.get("verdict", self.text.strip()[:300])
        return f"verify: exit status {self.code}: {said}"


class Tools:
    """binary: mcpwatch; built: where make put the test programs; d: the case's own folder."""

    def __init__(self, binary, built, d, long):
        self.binary, self.built, self.d, self.long = binary, built, d, long

    def run(self, argv, env=None, timeout=TIMEOUT, **kw):
        return subprocess.run(list(map(str, argv)), capture_output=True, timeout=timeout,
                              env=None if env is None else os.environ | env, **kw)

    def make(self, log, keys, calls, seed, end="stop", env=None, segment=0):
        """One run's records into a log. Whatever ended it is the caller's to look at."""
        argv = [self.built / "make_log", log, keys, calls, seed, end, segment]
        return self.run(argv, env=env)

    def made(self, name, runs, segment=0):
        """A log of several runs (calls, end), and its keys' folder. Made once a name, then copied."""
        home = self.d.parent / f"made-{name}"
        if not home.exists():
            new = self.d / "new"
            for seed, (calls, end) in enumerate(runs):
                p = self.make(new / "log", new / "keys", calls, seed, end, segment=segment)
                want = -signal.SIGKILL if end == "kill" else 0
                if p.returncode != want:
                    raise RuntimeError(f"make_log: exit status {p.returncode}: {p.stderr.decode()}")
            new.rename(home)
        return self.copy(home)

    def copy(self, home):
        n = len(list(self.d.iterdir()))
        to = self.d / f"copy-{n}"
        subprocess.run(["cp", "-a", home, to], check=True)  # chattr +a does not come along
        return to / "log", to / "keys"

    def verify(self, log, *args, clock=0):
        env = self.preload({"FAULT_CLOCK": str(clock)}) if clock else None
        return Verdict(self.run([self.binary, "verify", "--json", *args, log], env=env))

    def preload(self, env):
        return {"LD_PRELOAD": str(self.built / "faults.so")} | {k: str(v) for k, v in env.items()}


def sealed_prefix(log):
    """What may never change: the records that are sealed."""
    log = Log(log)
    return log.lines[:log.sealed()]


def rewrite(log, lines):
    """Puts other lines into a log read as `log`: record i into the segment that i belongs to."""
    firsts = sorted(log.segments)
    for i, first in enumerate(firsts):
        end = firsts[i + 1] if i + 1 < len(firsts) else None
        own, path = lines[first:end], log.segments[first]
        data = b"".join(line + b"\n" for line in own)
        if not own and first:
            path.unlink()
        elif path.suffix == ".zst":
            subprocess.run(["zstd", "-qf", "-o", path], input=data, check=True)
        else:
            path.write_bytes(data)


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
