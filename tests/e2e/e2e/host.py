# SPDX-License-Identifier: Apache-2.0
"""A running mcpwatch run, and what the cases of it share."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time

from . import cases

WAIT = 90  # a machine that is slow, and does other things


@contextlib.contextmanager
def daemon(binary, d, config, *args, kill=False):
    """A running daemon; what it told the service manager is in .told, its exit status after the block in .code.
    .heard(MESSAGE, N) waits until it has told that N times since its start. kill: it has no chance to end by itself."""
    # what a test makes, it must be able to remove
    (d / "mcpwatch.yaml").write_text(config + "log: {append_only: no}\n")
    path = d / "notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(WAIT)
        p = subprocess.Popen([binary, "run", "--config", d / "mcpwatch.yaml", "--log", d / "log", "--state", d / "state", "--keys", d / "keys",
                              *([] if "--control" in args else ["--control", d / "control.sock"]), *args],
                             stderr=subprocess.PIPE, env={"NOTIFY_SOCKET": str(path), "PATH": "/usr/bin:/bin"})
        try:
            p.ready, p.told = s.recv(64) == b"READY=1", []

            def heard(message, n):
                while p.told.count(message) < n:
                    p.told.append(s.recv(64).decode())  # TimeoutError, if it does not come

            p.heard = heard
            yield p
            p.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            p.said = p.communicate(timeout=WAIT)[1].decode()
            p.code = p.returncode
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    p.told.append(s.recv(64).decode())
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()


def eventually(what, want=True, seconds=WAIT):
    """What it is at last: until it is what is wanted."""
    end = time.monotonic() + seconds
    while (got := what()) != want and time.monotonic() < end:
        time.sleep(0.1)
    return got


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
    subprocess.run(list(map(str, truth.argv)), check=True, timeout=WAIT, stdin=subprocess.DEVNULL)
    return truth


def ended(p):
    problems = [] if p.code == 0 else [f"exit status {p.code} after SIGTERM: {p.said}"]
    return problems + ([] if p.told[-1:] == ["STOPPING=1"] else [f"told the service manager {p.told}"])
