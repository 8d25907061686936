# SPDX-License-Identifier: Apache-2.0
"""A log cut off at every byte, and with single bits flipped: what is sealed is never taken for whole then."""

import random

from .form import Log
from .tool import Tools

RUNS = (12, "stop"), (9, "kill"), (12, "stop")


def files(log):
    return sorted(f for f in log.rglob("*") if f.is_file() and f.name != "new.zst")


def codes(name, enrolled=True):
    """What verify may answer to damage. The folder's own word for its name and keys is not sealed; who has the keys
    from elsewhere does not need it."""
    if name == "vkeys":
        return (0, 1, 3) if enrolled else (1, 3)
    return (1, 3) if name == "origin" else (3,)


class Target:
    def __init__(self, t: Tools, segment=1 << 14):
        self.t = t
        self.log, _ = t.made(f"damaged-{segment}", RUNS, segment)
        size = Log(self.log).verify()
        self.enrolled = t.d / "enrolled"
        self.enrolled.write_bytes((self.log / "vkeys").read_bytes())
        if t.verify(self.log, "--vkey", self.enrolled).code != 0 or size != len(Log(self.log).lines):
            raise RuntimeError("the log to be damaged is not whole")

    def with_data(self, f, data, what):
        """f holds other bytes for one verify."""
        whole = f.read_bytes()
        name = str(f.relative_to(self.log))
        f.write_bytes(data)
        v = self.t.verify(self.log, "--vkey", self.enrolled)
        problems = [] if v.code in codes(name) else [f"{name}: {what}: {v}"]
        if name == "vkeys":
            v = self.t.verify(self.log)
            problems += [] if v.code in codes(name, False) else [f"{name}: {what}, none enrolled: {v}"]
        f.write_bytes(whole)
        return problems


def cuts(t):
    """Every byte near each file's end and around its lines, in the long form every byte there is."""
    target, problems, n = Target(t), [], 0
    for f in files(target.log):
        whole = f.read_bytes()
        ends = [i for i, b in enumerate(whole) if b == 10]
        near = {i + k for i in ends[-3:] + ends[:1] for k in (-1, 0, 1, 2)} | {0, 1, len(whole) - 1, len(whole) // 2}
        for at in range(len(whole)) if t.long else sorted(near | set(random.sample(range(len(whole)), min(8, len(whole))))):
            if 0 <= at < len(whole):
                n += 1
                problems += target.with_data(f, whole[:at], f"cut to {at} of {len(whole)} bytes")
    return problems, f"{n} cuts"


def flips(t):
    target, problems, n = Target(t), [], 0
    all_files = files(target.log)
    each = 120 if t.long else 12
    for f in all_files:
        whole = f.read_bytes()
        bits = range(len(whole) * 8)
        for bit in bits if len(bits) <= each else random.sample(bits, each):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            n += 1
            problems += target.with_data(f, bytes(data), f"byte {bit // 8} of {len(whole)}, bit {bit % 8}")
    return problems, f"{n} flips in {len(all_files)} files"


def additions(t):
    """Bytes behind what is there: a record, a seal, a tile, a file of one's own."""
    target, problems = Target(t), []
    for f in files(target.log):
        name = str(f.relative_to(target.log))
        if name in ("origin", "vkeys"):
            continue
        for data in b"\0", b"\n", b"x", b'{"v":1}\n':
            if name.endswith(".jsonl") and name == str(max(target.log.glob("seg/*.jsonl")).relative_to(target.log)):
                continue  # behind the last seal: unsealed, below
            if name == "seals.jsonl" and not data.endswith(b"\n"):
                continue  # half a line: what a crash leaves
            problems += target.with_data(f, f.read_bytes() + data, f"{data!r} added")
    last = max(target.log.glob("seg/*.jsonl"))
    whole = last.read_bytes()
    for data, want in ((b"x", (3, 4)), (b"\n", (3,)), (b'{"v":1}\n', (3,)), (Log(target.log).lines[3] + b"\n", (3,))):
        last.write_bytes(whole + data)
        v = t.verify(target.log, "--vkey", target.enrolled)
        if v.code not in want:
            problems.append(f"{data[:20]!r} behind the last seal: expected {want}: {v}")
    last.write_bytes(whole)
    return problems


def missing(t):
    """Each file away by itself, and each made empty."""
    target, problems = Target(t), []
    for f in files(target.log):
        name = str(f.relative_to(target.log))
        problems += target.with_data(f, b"", "empty")
        whole = f.read_bytes()
        f.unlink()
        v = t.verify(target.log)
        if v.code not in (1, 3):
            problems.append(f"{name} missing: {v}")
        f.write_bytes(whole)
    return problems


CASES = {f"damage-{f.__name__}": f for f in (cuts, flips, additions, missing)}
