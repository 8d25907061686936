# SPDX-License-Identifier: Apache-2.0
"""Checkpoints elsewhere: a daemon with anchors of every kind, each held against the log; then what they are for, a
log that was set back. Each case gets the binary and a folder and returns problems."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time

from . import build
from .host import client, daemon, ended, eventually, log_bytes, raw_server

WAIT = 90


def size_of(log):
    return int((log / "checkpoint").read_text().split("\n")[1])


@contextlib.contextmanager
def witness(kit, d):
    out = open(d / "witness.out", "wb")
    p = subprocess.Popen([kit / "witness", d / "log/vkeys"], stdout=out, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + WAIT
        while b"\n" not in (d / "witness.out").read_bytes():
            if time.monotonic() > end:
                raise RuntimeError("the witness does not start")
            time.sleep(0.05)
        yield (d / "witness.out").read_text().split("\n")[0].split(" ")
    finally:
        p.kill()
        p.wait()
        out.close()


def drain(s, stream):
    s.setblocking(False)
    got = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            m = s.recv(65536)
            if stream and not m:
                break
            got += m + (b"" if stream else b"\n")
    return got


def octets(data):
    """RFC 6587: the messages of a stream; what follows them unframed is an error."""
    out = []
    while data:
        m = re.match(rb"([1-9][0-9]*) ", data)
        if not m or len(data) < m.end() + int(m[1]):
            raise ValueError(f"no octet count: {data[:80]}")
        out.append(data[m.end():m.end() + int(m[1])])
        data = data[m.end() + int(m[1]):]
    return b"".join(line + b"\n" for line in out)


def verify(binary, log, *args):
    p = subprocess.run([binary, "verify", "--log", log, *args], capture_output=True, text=True)
    return p.returncode, p.stdout + p.stderr


def all_sealed(d):
    """The last checkpoint is over all that stands in the log."""
    return (d / "log/checkpoint").exists() and size_of(d / "log") == log_bytes(d).count(b"\n")


def copy(log, to):
    """Of a log that lives: a file that is there when the folder is read may have another's name when it is opened."""
    for _ in range(20):
        with contextlib.suppress(shutil.Error, FileNotFoundError):
            return shutil.copytree(log, to, symlinks=True)
        shutil.rmtree(to, ignore_errors=True)
        time.sleep(0.1)
    raise RuntimeError("the log does not hold still")


def every_kind(binary, d):
    kit = build.prepare("logcheck")
    problems = []
    os.chmod(d, 0o755)  # who sends is nobody
    for p in d.parents[:2]:
        os.chmod(p, os.stat(p).st_mode | 0o011)
    with (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp,
          socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix, witness(kit, d) as (url, vkey)):
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        tcp.settimeout(WAIT)
        unix.bind(str(d / "collector"))
        os.chmod(d / "collector", 0o666)
        (d / "elsewhere").mkdir()
        config = f"""
discover: no
watch:
  - exe: {d}/watched
anchors:
  - {{type: syslog, address: "udp://127.0.0.1:{udp.getsockname()[1]}"}}
  - {{type: syslog, address: "tcp://127.0.0.1:{tcp.getsockname()[1]}"}}
  - {{type: syslog, address: "unix:{d}/collector"}}
  - {{type: file, address: "{d}/elsewhere/checkpoints"}}
  - {{type: witness, address: "{url}", vkey: "{vkey}"}}
"""
        said = b""
        for i in range(2):
            with daemon(binary, d, config) as p:
                client(raw_server(d, "watched", f"run{i}/s"), d / f"run{i}")
                eventually(lambda: all_sealed(d))
                if i == 0:
                    copy(d / "log", d / "early")
            problems += ended(p)
            if "anchor" in p.said:
                problems.append(f"the daemon says: {p.said}")
            with tcp.accept()[0] as c:
                said += drain(c, True)
        (d / "tcp").write_bytes(octets(said))
        (d / "udp").write_bytes(drain(udp, False))
        (d / "unix").write_bytes(drain(unix, False))
        asked = (d / "witness.out").read_text().split("\n")[1:-1]
    size = size_of(d / "log")
    if not asked or asked[-1].split(" ")[0] != "200" or asked[-1].split(" ")[2] != str(size):
        problems.append(f"the witness has not cosigned the last checkpoint of {size}: {asked}")
    # a start asks what was seen; nothing else is refused
    if [a for a in asked if a[:3] not in ("200", "409")] or sum(a[:3] == "409" for a in asked) > 1:
        problems.append(f"the witness refused: {asked}")
    cosigned = [f for f in (d / "log/cosigned").iterdir()]
    anchors = [d / "udp", d / "tcp", d / "unix", d / "elsewhere/checkpoints", *cosigned]
    if len(anchors) != 5:
        problems.append(f"cosigned: {cosigned}")
    for a in anchors:
        if f"{size}".encode() not in a.read_bytes():
            problems.append(f"{a.name}: not the last checkpoint of {size}")
        code, said = verify(binary, d / "log", "--anchor", a, "--vkey", vkey)
        if code != 0:
            problems.append(f"verify --anchor {a.name}: exit status {code}: {said}")
        # the log as it was once: whole in itself, and older than what is held elsewhere
        code, said = verify(binary, d / "early", "--anchor", a)
        if code not in (3, 4):
            problems.append(f"a log set back, verify --anchor {a.name}: exit status {code}: {said}")
    return problems


CASES = {"anchors": every_kind}
