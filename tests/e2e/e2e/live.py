# SPDX-License-Identifier: Apache-2.0
"""top on a terminal: drawn by an emulator, in several sizes, driven by keys, ended in every way. Each case gets the
binary and a folder and returns problems."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

from . import cases, check
from .control import status, talk
from .host import WAIT, daemon, ended, eventually, log_bytes

COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")


class Terminal:
    """A program on a terminal of its own: a linux one, as the emulator does not scroll as xterm does."""

    def __init__(self, argv, rows, cols, **env):
        self.screen = pyte.Screen(cols, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.out = b""
        self.fd, slave = pty.openpty()
        self.slave = os.dup(slave)
        self.size(rows, cols)
        self.before = termios.tcgetattr(slave)
        self.p = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                  preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                  env={"TERM": "linux", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | env)
        os.close(slave)

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def resize(self, rows, cols):
        self.screen.resize(rows, cols)
        self.size(rows, cols)

    def read(self, seconds=0.1):
        end = time.monotonic() + seconds
        while select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # EIO: nobody has it open any more
                return
            self.out += data
            self.stream.feed(data)

    def key(self, keys):
        os.write(self.fd, keys.encode())

    def shows(self, *texts, seconds=WAIT, without=()):
        """Until all of it is on the screen; what is there at last."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read()
            text = "\n".join(self.screen.display)
            if all(t in text for t in texts) and not any(t in text for t in without):
                return True
        return False

    def wait(self):
        end = time.monotonic() + WAIT
        while self.p.poll() is None and time.monotonic() < end:
            self.read()
        self.read()
        return self.p.poll()

    def restored(self):
        """As it was before: modes, the cursor, the main screen where there are two."""
        return termios.tcgetattr(self.slave) == self.before and \
            self.out.count(b"\x1b[?1049h") == self.out.count(b"\x1b[?1049l") and \
            self.out.rfind(b"\x1b[?25h") > self.out.rfind(b"\x1b[?25l")


@contextlib.contextmanager
def terminal(argv, rows, cols, **env):
    t = Terminal(list(map(str, argv)), rows, cols, **env)
    try:
        yield t
    finally:
        if t.p.poll() is None:
            t.p.kill()
            t.p.wait()
        os.close(t.fd)
        os.close(t.slave)


def sizes(binary, d):
    """From 20x5 to 300x100, and from one to another while it runs: what is there is there, nothing is torn."""
    problems = []
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/watched\n") as p, talk(d, "watched") as t:
        with terminal([binary, "top", "--control", d / "control.sock"], 24, 80) as s:
            if not s.shows("mcpwatch watching", "SERVERS"):
                problems.append(f"80x24: {s.screen.display}")
            for _ in range(3):
                t.call("delete")
            # hostile: what could move the cursor stays text
            t.ask(cases.message(90, "tools/call", name="\x1b[31m\x1b[2Jevil\u202e", arguments={}))
            t.call("hang", wait=False)
            for rows, cols in ((24, 80), (5, 20), (60, 200), (1, 1), (100, 300), (8, 40), (24, 80)):
                s.resize(rows, cols)
                want = ["mcpwatch"] if cols >= 20 else []
                want += ["e2e-raw"] if cols >= 40 else []
                want += ["IN FLIGHT 1", "hang", "file.delete", "\\x1b[31m"] if rows >= 24 else []
                if not s.shows(*want):
                    problems.append(f"{cols}x{rows}: not all of {want}: {s.screen.display}")
                elif cols >= 20 and not s.screen.display[0].startswith("mcpwatch"):
                    problems.append(f"{cols}x{rows}: {s.screen.display[0]!r}")
            s.key("q")
            if s.wait() != 0 or not s.restored():
                problems.append(f"after q: exit status {s.p.returncode}, end {s.out[-80:]}")
            if b"\x1b[2Jevil" in s.out or "\u202e".encode() in s.out:
                problems.append("control characters came through")
    return problems + ended(p)


def keys(binary, d):
    problems = []

    def must(s, what, *texts, **more):
        if not s.shows(*texts, **more):
            problems.append(f"{what}: {s.screen.display}")
    with daemon(binary, d, f"discover: no\nwatch:\n  - exe: {d}/a?\n") as p, \
            talk(d, "a1") as one, talk(d, "a2") as two:
        one.call("delete")
        for _ in range(3):
            two.call("echo")
        with terminal([binary, "top", "--control", d / "control.sock"], 30, 100, NO_COLOR="1") as s:
            must(s, "servers", "SERVERS 2", "e2e-raw", "sort: calls")
            one.call("delete")
            one.call("delete")
            must(s, "calls", "file.delete")
            s.key("h")
            must(s, "help", "q  quit", without=["SERVERS"])
            s.key("x")
            s.key("s")
            must(s, "sort", "sort: rate")
            s.key("S")
            must(s, "sort back", "sort: calls")
            s.key("/E2Ex\x7f")
            must(s, "a filter is typed", "SERVERS 2", "filter: E2E_")
            s.key("x\r")
            must(s, "filter", "SERVERS 0", "filter: E2Ex", without=["e2e-raw"])
            s.key("\x1b")
            must(s, "no filter", "SERVERS 2")
            s.key("p")
            must(s, "pause", "PAUSED")
            two.call("echo")
            s.read(1)
            s.key("p")
            must(s, "no pause", "SERVERS 2", without=["PAUSED"])
            if COLOUR.search(s.out):
                problems.append("NO_COLOR: there are colours")
            s.p.send_signal(signal.SIGTERM)
            if s.wait() != 128 + signal.SIGTERM or not s.restored():
                problems.append(f"after SIGTERM: exit status {s.p.returncode}, end {s.out[-80:]}")
        with terminal([binary, "top", "--control", d / "control.sock"], 30, 100, TERM="xterm-256color") as s:
            must(s, "again", "SERVERS 2")
            if b"\x1b[?1049h" not in s.out or not COLOUR.search(s.out):
                problems.append("without NO_COLOR: there are no colours")
            s.key("\x03")
            if s.wait() != 0 or not s.restored():
                problems.append(f"after ^C: exit status {s.p.returncode}")
        last = Terminal([str(binary), "top", "--control", str(d / "control.sock")], 10, 60)
        must(last, "the last one", "mcpwatch")
    code = last.wait()
    if code != 1 or not last.restored() or b"the daemon has ended" not in last.out:
        problems.append(f"after the daemon's end: exit status {code}, {last.out[-200:]}")
    p2 = subprocess.run([binary, "top", "--control", d / "control.sock"], capture_output=True, text=True, timeout=WAIT)
    if p2.returncode != 1 or len(p2.stderr.splitlines()) != 1 or p2.stdout:
        problems.append(f"without a terminal and a daemon: {p2}")
    return problems + ended(p)


def batch(binary, d):
    """One picture on stdout, of the daemon and of its log, which is followed into its next segment."""
    problems = []

    def top(*args, **env):
        q = subprocess.run(list(map(str, [binary, "top", *args])), capture_output=True, text=True, timeout=WAIT,
                           env={"PATH": "/usr/bin:/bin"} | env)
        if q.returncode != 0:
            problems.append(f"top {args}: exit status {q.returncode}: {q.stderr}")
        return q.stdout
    config = f"discover: no\nwatch:\n  - exe: {d}/watched\n"
    with daemon(binary, d, config) as p, talk(d, "watched") as t:
        for _ in range(4):
            t.call("delete")
        calls = 4 + 1  # and initialize
        eventually(lambda: status(binary, d).get("calls", {}).get("status"), {"ok": calls})
        text = top("--once", "--control", d / "control.sock")
        if "SERVERS 1" not in text or "e2e-raw  " not in text or "q quit" in text or "\x1b" in text:
            problems.append(f"--once: {text}")
        narrow = top("--once", "--control", d / "control.sock", COLUMNS="20", LINES="5")
        if len(narrow.splitlines()) > 5 or max(map(len, narrow.splitlines())) > 20:
            problems.append(f"20x5: {narrow}")
        n = sum(r["type"] == "call" for r in check.parse(log_bytes(d))[0])
        if n != calls:
            problems.append(f"{n} calls in the log, {calls} made")
        o = json.loads(top("--json", "--control", d / "control.sock"))
        if [s["calls"] for s in o["servers"]] != [calls] or o["calls"] != calls:
            problems.append(f"--json: {o}")
        with terminal([binary, "top", "--log", d / "log"], 24, 100) as s:
            if not s.shows("log, not verified", f"calls {calls} "):
                problems.append(f"of the log: {s.screen.display}")
            t.call("delete")
            if not s.shows(f"calls {calls + 1} "):
                problems.append(f"of the log, followed: {s.screen.display}")
            s.key("q")
            if s.wait() != 0:
                problems.append(f"of the log: exit status {s.p.returncode}")
    problems += ended(p)
    records = d / "records.jsonl"
    records.write_bytes(log_bytes(d))
    for log in d / "log", records:
        o = json.loads(top("--json", "--log", log))
        if o["calls"] != calls + 1 or o["verified"]:
            problems.append(f"{log}: {o}")
    for args, want in ((["--log", d / "none"], "No such file"), (["--log", d / "keys"], "is no log"),
                       (["--sort", "x"], "--sort x"), (["--delay", "0"], "--delay 0"),
                       (["--log", "x", "--control", "y"], "one of them")):
        q = subprocess.run(list(map(str, [binary, "top", "--once", *args])), capture_output=True, text=True, timeout=WAIT)
        if q.returncode not in (1, 2) or want not in q.stderr or q.stdout:
            problems.append(f"top {args}: {q}")
    return problems


CASES = {"top-" + f.__name__.replace("_", "-"): f for f in (sizes, keys, batch)}
