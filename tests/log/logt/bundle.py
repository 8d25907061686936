# SPDX-License-Identifier: Apache-2.0
"""Bundles: what is in one by our own reading, and what somebody does to one on its way.

Who changes a bundle knows its format and has all that is public; who made it may have had the newest keys too.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

from .form import Bad, Log, Verifier, leaf, node, open_note, parse_checkpoint
from .tool import Verdict

RUNS = (40, "stop"), (60, "open"), (40, "kill"), (60, "stop")
TOP = "mcpwatch-bundle/"
NOBODY = 65534


class Bundle:
    """The files of one, to be changed and packed again as mcpwatch packs them."""

    def __init__(self, path):
        with tarfile.open(path) as t:
            self.files = {m.name.removeprefix(TOP): t.extractfile(m).read() for m in t}

    def sums(self):
        lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in self.files.items() if name != "SHA256SUMS"]
        self.files["SHA256SUMS"] = "".join(lines).encode()
        return self

    def pack(self, to, members=None):
        """members: tar's own headers and data, in place of the files."""
        with open(to, "wb") as f:
            for info, data in members or [(plain(name, data), data) for name, data in self.files.items()]:
                f.write(member(info, data))
            f.write(member(None, b""))
        return to


def plain(name, data):
    info = tarfile.TarInfo(TOP + name)
    info.size, info.mode = len(data), 0o644
    return info


def member(info, data):
    """One gzip member; info None: the end."""
    raw = bytearray(1024)
    if info:
        raw = bytearray(info.tobuf(tarfile.USTAR_FORMAT)) + data + bytes(-len(data) % 512)
        if info.tobuf(tarfile.USTAR_FORMAT)[329:345] != bytes(16):  # device numbers: mcpwatch leaves them empty
            raw[329:345] = bytes(16)
            raw[148:156] = b" " * 8
            raw[148:156] = b"%06o\0 " % sum(raw[:512])
    out = bytearray(gzip.compress(bytes(raw), mtime=0))
    out[8:10] = b"\0\3"
    return bytes(out)


# --- our own reading -----------------------------------------------------------------------------


def stretch(start, to):
    """The widths of the subtrees that tile [start, to)."""
    while start < to:
        width = 1
        while start % (2 * width) == 0 and start + 2 * width <= to:
            width *= 2
        yield width
        start += width


def own_reading(files, folder, identity, key):
    """From the format's description alone. Raises Bad, or gives the proved records by seq."""
    text = {name.removeprefix(folder + "/"): data for name, data in files.items() if name.startswith(folder + "/")}
    origin = text["origin"].decode().rstrip("\n")
    leaves, stack, size, at = {}, [], 0, {}
    for line in text["tree"].decode().splitlines():
        word, start, *rest = line.split(" ")
        start = int(start)
        to = start + 1 if word == "record" else int(rest.pop(0))
        widths = list(stretch(start, to))
        if start != size or len(widths) != len(rest):
            raise Bad(f"tree: {line[:60]}")
        for width, h in zip(widths, map(bytes.fromhex, rest)):
            stack.append((width, h))
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                (w, b), (_, a) = stack.pop(), stack.pop()
                stack.append((2 * w, node(a, b)))
        size = to
        if word == "record":
            leaves[start] = bytes.fromhex(rest[0])
        root = stack[-1][1]
        for _, h in reversed(stack[:-1]):
            root = node(h, root)
        at[size] = root
    records = {}
    for line in text["records.jsonl"].splitlines():
        seq = json.loads(line)["seq"]
        if seq in records or leaves.get(seq) != leaf(line):
            raise Bad(f"record {seq}")
        records[seq] = line
    if records.keys() != leaves.keys():
        raise Bad("records are missing")
    for epoch, line in enumerate(text["seals.jsonl"].splitlines()):
        seal = json.loads(line)
        name, n, root = parse_checkpoint(open_note(seal["checkpoint"], identity, key))
        if seal["epoch"] != epoch or name != origin or key.name != f"{origin}/fs/{epoch}" or at.get(n) != root:
            raise Bad(f"seal {epoch}")
        key = Verifier(json.loads(records[n - 1])["next_vkey"])
    if n != size or text["checkpoint"].decode() != seal["checkpoint"]:
        raise Bad("the newest seal")
    return records


class Sent:
    """A bundle of a log, and the keys that were enrolled."""

    def __init__(self, t, *args, runs=RUNS):
        self.t = t
        self.log, self.keys = t.made("attacked" if runs is RUNS else "other", runs, 1 << 16)
        self.path = t.d / "b.tgz"
        p = t.run([t.binary, "bundle", "--log", self.log, "-o", self.path, *(args or ["--type", "call"])])
        if p.returncode:
            raise RuntimeError(f"bundle: {p.stderr.decode()}")
        self.bundle = Bundle(self.path)
        self.files = self.bundle.files

    def verify(self, *args):
        """As nobody, in a folder of its own: only the bundle and the enrolled keys are there."""
        away = self.t.d / "away"
        away.mkdir(exist_ok=True)
        away.chmod(0o755)
        (away / "keys").write_bytes((self.log / "vkeys").read_bytes())
        (away / "b.tgz").write_bytes(self.path.read_bytes())
        (away / "mcpwatch").unlink(missing_ok=True)
        os.link(self.t.binary, away / "mcpwatch") if os.stat(self.t.binary).st_dev == os.stat(away).st_dev else \
            (away / "mcpwatch").write_bytes(Path(self.t.binary).read_bytes())
        (away / "mcpwatch").chmod(0o755)
        for d in (self.t.d, self.t.d.parent):
            d.chmod(0o755)
        return Verdict(self.t.run(["./mcpwatch", "verify", "--json", "--vkey", "keys", *args, "b.tgz"], cwd=away,
                                  user=NOBODY, group=NOBODY, extra_groups=[]))

    def expect(self, code, why, named=None):
        self.bundle.pack(self.path)
        v = self.verify()
        if v.code != code:
            return [f"{why}: expected {code}: {v}"]
        if named is not None and v.named not in (named if isinstance(named, range) else [named]):
            return [f"{why}: expected record {named}: {v}"]
        return []

    def records(self):
        return self.files["log-1/records.jsonl"].splitlines(keepends=True)

    def put_records(self, lines):
        self.files["log-1/records.jsonl"] = b"".join(lines)
        self.bundle.sums()


def honest(t):
    s = Sent(t)
    whole = Log(s.log)
    records = own_reading(s.files, "log-1", whole.vkey(), whole.vkey(0))
    wrong = [seq for seq, line in records.items() if whole.lines[seq] != line]
    calls = sum(1 for line in whole.lines if json.loads(line)["type"] == "call")
    problems = [f"records {wrong[:5]} are not those of the log"] if wrong else []
    if sum(1 for line in records.values() if json.loads(line)["type"] == "call") != calls:
        problems.append("not all calls are in it")
    # packed by others as it was, and found whole by nobody
    return problems + s.expect(0, "as it was made")


def edit(t):
    s = Sent(t)
    lines = s.records()
    problems = []
    for at in 0, len(lines) // 3, len(lines) - 1:
        seq = json.loads(lines[at])["seq"]
        odd = lines[at].replace(b'"host":"', b'"host":"x', 1)
        for sums in False, True:
            s.files["log-1/records.jsonl"] = b"".join(lines[:at] + [odd] + lines[at + 1:])
            if sums:
                s.bundle.sums()
            problems += s.expect(3, f"record {seq} edited", seq)
        # and its leaf with it
        tree = s.files["log-1/tree"]
        old, new = leaf(lines[at][:-1]).hex().encode(), leaf(odd[:-1]).hex().encode()
        s.files["log-1/tree"] = tree.replace(old, new)
        s.bundle.sums()
        problems += s.expect(3, f"record {seq} and its leaf edited", range(0, seq + 1))
        s.files["log-1/tree"] = tree
        s.put_records(lines)
    return problems + s.expect(0, "put right again")


def drop(t):
    s = Sent(t)
    lines = s.records()
    problems = []
    for at in 0, len(lines) // 2, len(lines) - 1:
        s.put_records(lines[:at] + lines[at + 1:])
        problems += s.expect(3, "a record dropped", json.loads(lines[at])["seq"])
    return problems


def reorder(t):
    s = Sent(t)
    lines = s.records()
    at = len(lines) // 2
    s.put_records(lines[:at] + [lines[at + 1], lines[at]] + lines[at + 2:])
    return s.expect(3, "two records swapped", json.loads(lines[at])["seq"])


def swap_checkpoint(t):
    s = Sent(t)
    seals = [json.loads(line)["checkpoint"] for line in s.files["log-1/seals.jsonl"].splitlines()]
    problems = []
    for seal in seals[0], seals[len(seals) // 2], seals[-2]:
        s.files["log-1/checkpoint"] = seal.encode()
        s.bundle.sums()
        problems += s.expect(3, "an older checkpoint")
    return problems


def other_keys(t):
    """A sound bundle of another log in its place."""
    s, other = Sent(t), Sent(t, runs=((20, "stop"),))
    s.bundle = other.bundle
    problems = s.expect(3, "another log")
    s.files = dict(other.files)
    s.files["log-1/vkeys"] = (s.log / "vkeys").read_bytes()
    s.bundle.files = s.files
    s.bundle.sums()
    return problems + s.expect(3, "another log with this one's keys")


def archive(t):
    """What no bundle is: cut off, gone on with, a bomb, links, other places, a name twice. One that calls itself a
    bundle and is packed otherwise was changed, or may have been."""
    s = Sent(t)
    data = s.path.read_bytes()
    problems = []

    def refused(why, raw=None, members=None, code=1):
        s.path.write_bytes(raw) if raw is not None else s.bundle.pack(s.path, members)
        v = s.verify()
        if v.code != code or len(v.text.splitlines()) != 1:
            problems.append(f"{why}: {v}")

    for n in 0, 1, 9, 100, len(data) // 2, len(data) - 1:
        refused(f"cut to {n} of {len(data)} bytes", data[:n])
    refused("a byte behind it", data + b"\0")
    refused("a second one behind it", data + data)
    good = [(plain(name, d), d) for name, d in s.files.items()]
    for kind, target in (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "README.txt"), (tarfile.DIRTYPE, ""):
        info = plain("README.txt", b"")
        info.type, info.linkname = kind, target
        refused(f"tar's type {kind}", members=[(info, b""), *good[1:]], code=3)
    for name in "../../../tmp/x", "/tmp/x", TOP + "../x", TOP + "log-1/../../../x":
        info = plain("x", b"x")
        info.name = name
        refused(name, members=[*good, (info, b"x")], code=3)
        refused(name, members=[(info, b"x"), *good], code=3 if name.startswith(TOP) else 1)
    for i in range(len(good)):
        refused(f"{good[i][0].name} twice", members=good[:i] + [good[i]] + good[i:], code=3)
        refused(f"{good[i][0].name} left out", members=good[:i] + good[i + 1:], code=3)
    bomb = plain("README.txt", b"")
    bomb.size = (1 << 33) - 1
    small = bytearray(member(plain("x", b""), bytes(1 << 24)))
    refused("longer than it may be", members=[(bomb, b""), *good[1:]])
    refused("more than its header says", raw=bytes(small), code=3)
    refused("zeros", raw=gzip.compress(bytes(1 << 25)))
    refused("tar's own", raw=tar_of(s.files), code=3)
    left = [p.name for p in (t.d / "away").iterdir() if p.name not in ("keys", "b.tgz", "mcpwatch")]
    return problems + ([f"verify left {left}"] if left else [])


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for name, data in files.items():
            t.addfile(plain(name, data), io.BytesIO(data))
    return out.getvalue()


def tampered_log(t):
    """The log was changed before it was bundled: it is marked, and what is proved of it is."""
    log, _ = t.made("attacked", RUNS, 1 << 16)
    whole = Log(log)
    n = whole.sizes()[len(whole.sizes()) // 2]
    first, path = whole.segment_of(n)
    lines = whole.lines
    lines[n] = lines[n].replace(b'"host":"', b'"host":"x', 1)
    from .tool import rewrite
    rewrite(whole, lines)
    p = t.run([t.binary, "bundle", "--log", log, "-o", t.d / "b.tgz"])
    problems = [] if p.returncode == 3 and (t.d / "b.tgz").exists() else [f"bundle: exit status {p.returncode}"]
    v = Verdict(t.run([t.binary, "verify", "--json", "--vkey", log / "vkeys", t.d / "b.tgz"]))
    if v.code != 3 or v.named != n or v.said["logs"][0]["sealed"] != n:
        problems.append(f"expected record {n}: {v}")
    return problems


def two_hosts(t):
    a, _ = t.made("attacked", RUNS, 1 << 16)
    b, _ = t.made("other", ((20, "stop"),))
    p = t.run([t.binary, "bundle", "--log", a, "--log", b, "-o", t.d / "b.tgz"])
    if p.returncode:
        return [p.stderr.decode()]
    files = Bundle(t.d / "b.tgz").files
    keys = t.d / "keys"
    keys.write_bytes((a / "vkeys").read_bytes() + (b / "vkeys").read_bytes())
    v = Verdict(t.run([t.binary, "verify", "--json", "--vkey", keys, t.d / "b.tgz"]))
    problems = [] if v.code == 0 and len(v.said["logs"]) == 2 else [str(v)]
    for i, log in enumerate((a, b)):
        whole = Log(log)
        if len(own_reading(files, f"log-{i + 1}", whole.vkey(), whole.vkey(0))) != whole.sealed():
            problems.append(f"log {i + 1}: not all records")
    # the keys of one alone: the other could be anybody's
    v = Verdict(t.run([t.binary, "verify", "--json", "--vkey", a / "vkeys", t.d / "b.tgz"]))
    return problems + ([] if v.code == 3 else [f"only one log's keys: {v}"])


CASES = {f"attack-bundle-{f.__name__.replace('_', '-')}": f for f in (
    honest, edit, drop, reorder, swap_checkpoint, other_keys, archive, tampered_log, two_hosts)}
