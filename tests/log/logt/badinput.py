# SPDX-License-Identifier: Apache-2.0
"""Logs and keys that are none: refused with one line that names the file, nothing changed, nothing hangs or crashes."""

import hashlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time

from .form import Log, Signer, Writer
from .tool import ROOT, fresh, sealed_prefix

SMALL = ((6, "stop"),)
ORIGIN = "host/mcpwatch/00000000-0000-4000-8000-000000000001"


def state(folder):
    """Every file below it, with what is in it."""
    return {str(f): (f.lstat().st_mode, f.read_bytes() if f.is_file() and not f.is_symlink() else None)
            for f in sorted(folder.rglob("*"))}


def refused(t, log, keys, why, names=(), codes=(1,)):
    """A writer that is not to start, and what it says."""
    before = state(log.parent) if log.parent.exists() else {}
    p = t.make(log, keys, 3, 1)
    said = p.stderr.decode(errors="replace")
    problems = []
    if p.returncode not in codes:
        problems.append(f"{why}: exit status {p.returncode}: {said[:200]!r}")
    elif len(said.splitlines()) != 1 or not all(n in said for n in names):
        problems.append(f"{why}: says {said[:300]!r}")
    if state(log.parent) != before:
        problems.append(f"{why}: something was changed")
    return problems


def keys(t):
    problems = []
    log, folder = t.made("small", SMALL)
    for f in sorted(folder.iterdir()):
        whole = f.read_bytes()
        for what, data in (("empty", b""), ("a byte short", whole[:-1]), ("a byte long", whole + b"\0"),
                           ("1 MiB", bytes(1 << 20))):
            f.write_bytes(data)
            problems += refused(t, log, folder, f"{f.name} {what}", [f.name])
            f.write_bytes(whole)
        for mode in 0o644, 0o660, 0o700, 0o4600:
            f.chmod(mode)
            problems += refused(t, log, folder, f"{f.name} with mode {mode:o}", [f.name])
        f.chmod(0o600)
        os.chown(f, 65534, 65534)
        problems += refused(t, log, folder, f"{f.name} of another user", [f.name])
        os.chown(f, 0, 0)
        aside = f.with_name("aside")
        f.rename(aside)
        f.symlink_to(aside)
        problems += refused(t, log, folder, f"{f.name} a link", [f.name])
        f.unlink()
        os.mkfifo(f, 0o600)
        problems += refused(t, log, folder, f"{f.name} a FIFO", [f.name])
        f.unlink()
        f.mkdir()
        problems += refused(t, log, folder, f"{f.name} a folder", [f.name])
        f.rmdir()
        aside.rename(f)
    problems += key_folders(t, log, folder)
    if t.verify(log).code != 0 or t.make(log, folder, 3, 2).returncode or t.verify(log).code != 0:
        problems.append("the log is not whole, or does not go on, after all")
    return problems


def key_folders(t, log, folder):
    problems = []
    for mode in 0o755, 0o770:
        folder.chmod(mode)
        problems += refused(t, log, folder, f"keys folder with mode {mode:o}", ["keys"])
    folder.chmod(0o700)
    os.chown(folder, 65534, 65534)
    problems += refused(t, log, folder, "keys folder of another user", ["keys"])
    os.chown(folder, 0, 0)
    link = folder.with_name("link")
    link.symlink_to(folder)
    problems += refused(t, log, link, "keys folder a link", ["link"])
    link.unlink()
    link.symlink_to(log)
    for where in log, t.d / "later/log":
        for inside in where, where / "keys", where / "a/b", where / "../log/keys", link / "keys":
            before = state(t.d)
            for argv in ["exec", "--quiet", "--log", where, "--keys", inside, "--", "true"], \
                    ["init", "--log", where, "--keys", inside]:
                if inside == link / "keys" and where != log:
                    continue
                p = t.run([t.binary, *argv])
                if p.returncode != 1 or b"keys" not in p.stderr or len(p.stderr.splitlines()) != 1:
                    problems.append(f"{argv[0]}: keys in {inside}: exit status {p.returncode}: {p.stderr.decode()!r}")
            if state(t.d) != before:
                problems.append(f"keys in {inside}: something was changed")
    link.unlink()
    return problems


def epoch_file(t):
    """Of the right size and wrong inside; of another log; of a newer version; missing."""
    problems = []
    for what in "damaged", "newer", "another log's", "missing", "earlier":
        log, folder = t.made("small", SMALL)
        f = folder / f"{Log(log).origin.rsplit('/', 1)[1]}.epoch"
        old = f.read_bytes()
        if what == "damaged":
            f.write_bytes(old[:50] + bytes([old[50] ^ 1]) + old[51:])
        elif what == "newer":
            body = b"mwepoch2" + old[8:136]
            f.write_bytes(body + hashlib.sha256(body).digest())
        elif what == "another log's":
            body = old[:8] + bytes(16) + old[24:136]
            f.write_bytes(body + hashlib.sha256(body).digest())
        elif what == "missing":
            f.unlink()
        else:
            body = old[:24] + struct.pack("<Q", 0) + old[32:136]
            f.write_bytes(body + hashlib.sha256(body).digest())
        before = sealed_prefix(log)
        p = t.make(log, folder, 3, 1)
        said = p.stderr.decode()
        if p.returncode < 0:
            problems.append(f"{what}: ended by signal {-p.returncode}")
        elif p.returncode == 0:
            # it may begin a new generation; what was sealed is kept and looked at
            kept = [d for d in (log / "damaged").iterdir() if d.is_dir()] if (log / "damaged").exists() else []
            if not kept and sealed_prefix(log)[:len(before)] != before:
                problems.append(f"{what}: what was sealed is gone")
        elif len(said.splitlines()) != 1:
            problems.append(f"{what}: says {said!r}")
    return problems


def links(t):
    """Anything in the log that is a link: nobody's file is read or written through it."""
    problems = []
    victim = t.d / "victim"
    for name in "origin", "vkeys", "seals.jsonl", "checkpoint", "seg", "tile", "quarantine", "segment", "reserve":
        log, folder = t.made("small", SMALL)
        victim.write_text("not yours\n")
        at = log / name if name != "segment" else max((log / "seg").iterdir())
        aside = log.parent / "aside"
        if at.exists():
            at.rename(aside)
        at.symlink_to(aside if aside.exists() and aside.is_dir() else victim)
        p = t.make(log, folder, 3, 1)
        if p.returncode < 0:
            problems.append(f"{name} a link: ended by signal {-p.returncode}")
        if victim.read_text() != "not yours\n":
            problems.append(f"{name} a link: what it points to was changed")
        if p.returncode == 0 and name not in ("quarantine", "reserve", "tile", "checkpoint"):
            v = t.verify(log)
            if v.code == 0 and not (log / "damaged").exists():
                problems.append(f"{name} a link: taken for whole: {v}")
    log, folder = t.made("small", SMALL)
    link = log.parent / "link"
    link.symlink_to(log)
    p = t.make(link, folder, 3, 1)
    if p.returncode not in (0, 1):
        problems.append(f"the log a link: exit status {p.returncode}")
    return problems


def size(log):
    return sum(f.stat().st_size for f in (log / "seg").iterdir())


def two_writers(t):
    log, folder = t.made("small", SMALL)
    argv = [t.built / "make_log", log, folder, 10**6, 5, "stop", 0]
    before, end = size(log), time.monotonic() + 90
    first = subprocess.Popen(list(map(str, argv)), stdout=subprocess.DEVNULL)
    while size(log) == before and time.monotonic() < end:
        time.sleep(0.02)
    p = t.make(log, folder, 3, 1)
    v = t.verify(log)
    first.kill()
    first.wait()
    problems = []
    if p.returncode != 1 or len(p.stderr.splitlines()) != 1:
        problems.append(f"the second writer: exit status {p.returncode}: {p.stderr.decode()!r}")
    if v.code != 0:
        problems.append(f"while it is written: {v}")
    after = t.verify(log)
    if after.code not in (0, 4):
        problems.append(f"after both: {after}")
    return problems


def clock_back(t):
    """The clock a day back between two runs: whole all the same, and said."""
    log, folder = t.made("small", SMALL)
    env = t.preload({"FAULT_CLOCK": -86400})
    p = t.make(log, folder, 5, 2, env=env)
    v = t.verify(log)
    if p.returncode or v.code != 0:
        return [f"exit status {p.returncode}: {p.stderr.decode()!r}: {v}"]
    p = t.make(log, folder, 5, 3)
    v = t.verify(log)
    return [] if p.returncode == 0 and v.code == 0 else [f"forward again: exit status {p.returncode}: {v}"]


def expect(t, path, codes, why, timeout=180):
    argv = [str(t.binary), "verify", str(path)]
    begin = time.monotonic()
    try:
        p = subprocess.run(argv, capture_output=True, timeout=timeout, preexec_fn=small_memory)
    except subprocess.TimeoutExpired:
        return [f"{why}: no end after {timeout} s"]
    said = (p.stdout + p.stderr).decode(errors="replace")
    if p.returncode not in codes or (p.returncode == 1 and len(p.stderr.splitlines()) != 1):
        return [f"{why}: exit status {p.returncode} after {time.monotonic() - begin:.1f} s: {said[:300]!r}"]
    return []


def small_memory():
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    os.setpgrp()


def no_log(t):
    """What is no log at all, and one without anything in it."""
    problems = []
    empty, file, null = fresh(t.d / "empty"), t.d / "file", t.d / "null"
    file.write_bytes(b"")
    null.symlink_to("/dev/null")
    junk = t.d / "junk"
    junk.write_bytes(random.randbytes(100000))
    fifo = t.d / "fifo"
    os.mkfifo(fifo)
    for path in empty, file, null, junk, t.d / "not-there", "/proc", "/etc", "/dev/zero":
        problems += expect(t, path, (1, 3, 4), str(path))
    problems += expect(t, fifo, (1, 3, 4), "a FIFO", timeout=60)
    fresh_log = t.d / "fresh"
    for f in ("origin", "vkeys", "seals.jsonl", "checkpoint"):
        for data in b"", b"\0" * 4096, random.randbytes(3000), b"\xff\xfe", b"[" * 100000, b"{}" * 1000:
            log, _ = t.made("small", SMALL)
            (log / f).write_bytes(data)
            problems += expect(t, log, (1, 3), f"{f} of {data[:8]!r}")
            shutil.rmtree(log.parent)
    fresh(fresh_log)
    (fresh_log / "seg").mkdir()
    problems += expect(t, fresh_log, (1, 3, 4), "an empty seg")
    return problems


def strange_files(t):
    """Names and kinds of files that no log has, among those that it has."""
    problems = []
    for name in "seg/x", "seg/00000000000000000000.jsonl~", "seg/99999999999999999999.jsonl", "seg/1.jsonl":
        log, _ = t.made("small", SMALL)
        (log / name).write_bytes(b'{"v":1}\n')
        problems += expect(t, log, (0, 1, 3), name)
    for name in "origin", "vkeys", "seals.jsonl", "checkpoint", "segment", "tile/0/000":
        for kind in "folder", "fifo", "device":
            log, _ = t.made("small", SMALL)
            at = log / name if name != "segment" else max((log / "seg").iterdir())
            if at.exists():
                at.unlink()
            at.parent.mkdir(parents=True, exist_ok=True)
            if kind == "folder":
                at.mkdir()
            elif kind == "fifo":
                os.mkfifo(at)
            else:
                os.mknod(at, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
            wrong = (1, 3) if name != "tile/0/000" else (0, 1, 3)
            problems += expect(t, log, wrong, f"{name} a {kind}", timeout=60)
    return problems


def written(t, name, *records, raw=None):
    """A sound log of whatever records, by our own writer."""
    w = Writer(fresh(t.d / name), ORIGIN, Signer(ORIGIN, b"i" * 32), 0, b"s")
    for r in records:
        w.record(**r)
    if raw is not None:
        w.lines.append(raw)
    w.record(type="daemon", event="stop")
    w.seal()
    w.write()
    (w.dir / "origin").write_text(ORIGIN + "\n")
    (w.dir / "vkeys").write_text(w.identity.vkey + "\n" + w.key(0).vkey + "\n")
    return w


def newer(t):
    """Rightly sealed records that this version does not know."""
    call = {"type": "call", "call": "c1", "status": "ok"}
    problems = expect(t, written(t, "known", call).dir, (0,), "a record of this version")
    problems += expect(t, written(t, "field", call | {"later": [1, {"x": 2}]}).dir, (0,), "a field not known")
    problems += expect(t, written(t, "type", {"type": "later"}).dir, (0, 1, 3), "a type not known")
    w = written(t, "newer", call | {"v": 2})
    problems += expect(t, w.dir, (0, 1, 3), "a record of a newer version")
    p = t.run([t.binary, "log", "--log", w.dir])
    if p.returncode == 0 or len(p.stderr.splitlines()) != 1:
        problems.append(f"log: a record of a newer version: exit status {p.returncode}: {p.stderr[:200]!r}")
    return problems


def sealed_nonsense(t):
    """Signed by the right keys and yet no log: lines that are no records, too long, not numbered so."""
    problems = []
    head = b'{"v":1,"seq":0,"time":"2026-01-01T00:00:00.000000000Z","boot_ns":1,"host":"h","type":"call"'
    for why, raw in (("not JSON", b"x"), ("empty", b""), ("an array", b"[]"), ("deep", b"[" * 60000),
                     ("a NUL", head + b',"a":"\0"}'), ("too long", head + b',"a":"' + b"x" * 70000 + b'"}'),
                     ("32 MiB", b"x" * (32 << 20)), ("another number", head.replace(b":0,", b":7,") + b"}"),
                     ("not UTF-8", head + b',"a":"\xff\xfe"}'), ("a number of 400 digits", head[:13] + b"1" * 400 + b"}")):
        w = written(t, "nonsense", raw=raw)
        # sealed by the right keys it is what was written; who reads it says that it is no record
        problems += expect(t, w.dir, (0, 1, 3), why)
        p = t.run([t.binary, "log", "--log", w.dir])
        if p.returncode not in (1, 3) or not p.stderr:
            problems.append(f"log: {why}: exit status {p.returncode}: {p.stderr[:200]!r}")
    huge = written(t, "huge", {"type": "call", "call": "c"})
    with open(huge.dir / "seals.jsonl", "ab") as f:
        f.truncate(4 << 30)  # a hole
    problems += expect(t, huge.dir, (1, 3), "seals.jsonl of 4 GiB of NULs")
    huge = written(t, "huge", {"type": "call", "call": "c"})
    with open(max((huge.dir / "seg").iterdir()), "ab") as f:
        f.truncate(2 << 30)
    problems += expect(t, huge.dir, (1, 3, 4), "a segment of 2 GiB of NULs")
    return problems


def bomb(t):
    """A compressed segment that is small and would be 16 GiB."""
    log, _ = t.made("small", SMALL)
    at = max((log / "seg").iterdir())
    zst = at.with_name(at.name.removesuffix(".zst") + ("" if at.suffix == ".zst" else ".zst"))
    at.unlink()
    frame = subprocess.run(["zstd", "-q", "-c"], input=bytes(64 << 20), stdout=subprocess.PIPE, check=True).stdout
    zst.write_bytes(frame * 256)
    return expect(t, log, (1, 3), "16 GiB of NULs as zstd", timeout=180)


SERVER = ROOT / "tests/log/killer.py"


def kill_from_tool(t):
    """A tool that kills the mcpwatch which watches it: its call is in the log with arguments and principal."""
    problems, _ = killed(t, "0.5")
    if not t.long:
        return problems
    # one that kills at once races with the reading of its own request: how often it wins is told, not judged
    won = sum(not killed(t, "0")[1] for _ in range(20))
    return problems, f"a tool that kills as its first act: not in the log in {won} of 20"


def killed(t, after):
    """Problems, and whether the request is there."""
    problems = []
    home = fresh(t.d / "killed")
    log, folder = home / "log", home / "keys"
    head = [t.binary, "exec", "--state", "none", "--quiet", "--log", log, "--keys", folder, "--"]
    p = t.run([*head, "/usr/bin/python3", SERVER, "client", after])
    if p.returncode != -signal.SIGKILL:
        return [f"exec was not killed: exit status {p.returncode}: {p.stderr.decode()!r}"], True
    requests = [r for r in Log(log).records() if r["type"] == "request" and r.get("tool") == "kill"]
    if len(requests) != 1:
        return [f"{len(requests)} requests of the tool are in the log"], False
    r = requests[0]
    if r.get("args", {}).get("why") != "to hide" or r.get("principal", {}).get("uid") != 0:
        problems.append(f"its arguments or principal are not there: {json.dumps(r)[:400]}")
    v = t.verify(log)
    if v.code not in (0, 4):
        problems.append(f"after the kill: {v}")
    p = t.run([*head, "true"])
    if p.returncode:
        return [f"the next start: exit status {p.returncode}: {p.stderr.decode()!r}"], True
    whole = Log(log)
    if whole.verify() <= r["seq"]:
        problems.append("the request is not sealed")
    if json.loads(whole.lines[r["seq"]]) != r:
        problems.append("the request is another now")
    end = [c for c in whole.records() if c["type"] == "call" and c["call"] == r["call"]]
    if [c["status"] for c in end] != ["lost"]:
        problems.append(f"the next start closed it as {[c['status'] for c in end]}")
    v = t.verify(log)
    return problems + ([] if v.code == 0 else [f"after the next start: {v}"]), True


CASES = {f"bad-{f.__name__.replace('_', '-')}": f for f in (
    keys, epoch_file, links, two_writers, clock_back, no_log, strange_files, newer, sealed_nonsense, bomb)}
CASES["crash-kill-from-tool"] = kill_from_tool
