# SPDX-License-Identifier: Apache-2.0
"""What is true of a run: for each call, by its number and the run's seed, exactly what it does.

Nothing of it comes from the server. A call's targets are derived from its key by SHA-256. In mode `a` its
arguments name them; in `b` they hold the key alone, and the server derives them as we do. In both, the
server's background task does the same things to targets of its own, called background-N.
"""

import dataclasses
import hashlib
import random
from pathlib import Path

MODES = {
    "a": "named in the arguments; one call in four also names a target of a neighbour (a decoy),\n        by itself or in a sentence",
    "b": "derived from the arguments by SHA-256: nothing names them",
    "c": "as b, and one call in four names a target of a neighbour, which does not name it itself",
}
FILES = [("make", "file.open"), ("read", "file.open"), ("old", "file.rename"), ("drop", "file.delete")]
CHILD = [("child", "proc.exec"), ("child", "file.open")]
HTTP = [("get", "net.http"), ("delete", "net.http"), ("delete", "net.connect")]
BEFORE = ["read", "old", "drop"]  # files that must be there before the call
BACKGROUND = "background"
TOOK_MS = 8  # waited by a call, in four random parts; by one in four more


def digest(key, what):
    return hashlib.sha256(f"{key}:{what}".encode()).digest()


@dataclasses.dataclass
class Call:
    number: int
    key: str
    delays: list  # milliseconds: before, two between, after
    targets: dict  # make, read, from, to, drop, child: paths; get, delete: URLs
    address: str  # that nobody else connects to: of `delete`
    arguments: dict = dataclasses.field(default_factory=dict)


class Plan:
    """The calls of one run. effects: [(what, kind)] each of them must have."""

    def __init__(self, seed, n_calls, at, mode, does, folder, port):
        self.folder, self.port, self.mode, self.at = Path(folder), port, mode, at
        self.effects = FILES + (CHILD if "child" in does else []) + (HTTP if "http" in does else [])
        self.seed, self.does = seed, does
        self.decoyed = set()  # (call number, what) that another call's arguments name
        self.calls = [self.call(n) for n in range(n_calls)]
        for call in self.calls:
            call.arguments = self.arguments(call)
        self.owner = {}  # a path, a URL's path, an address and port -> (call number, what)
        for call in self.calls:
            for what, target in call.targets.items():
                self.own(target.split("/", 3)[-1] if "://" in target else target, call.number, what)
            self.own(f"{call.address}:{port}", call.number, "delete")

    def own(self, target, number, what):
        if target in self.owner:
            raise ValueError(f"two calls with {target}: take another seed")
        self.owner[target] = number, what

    def call(self, n):
        dice = random.Random(f"{self.seed} {n}")
        cuts = sorted(dice.uniform(0, TOOK_MS) for _ in range(3))
        delays = [b - a for a, b in zip([0, *cuts], [*cuts, TOOK_MS])]
        if dice.random() < 0.25:  # overtaken by those behind it
            delays[dice.randrange(4)] += dice.uniform(15, 40)
        key = dice.randbytes(8).hex()
        files = {what: f"{self.folder}/{what}-{digest(key, what).hex()[:24]}"
                 for what in ("make", "read", "old", "new", "drop", "child")}
        d = digest(key, "delete")
        address = f"127.{2 + d[0] % 250}.{d[1]}.{1 + d[2] % 254}"
        urls = {"get": f"http://127.0.0.1:{self.port}/{digest(key, 'get').hex()[:24]}",
                "delete": f"http://{address}:{self.port}/{d.hex()[:24]}"}
        return Call(n, key, [round(ms, 1) for ms in delays], files | urls, address)

    def arguments(self, call):
        dice = random.Random(f"{self.seed} {call.number} note")
        used = ["make", "read", "old", "new", "drop"]
        used += (["child"] if "child" in self.does else []) + (["get", "delete"] if "http" in self.does else [])
        arguments = {"delays": call.delays}
        arguments |= {w: call.targets[w] for w in used} if self.mode == "a" else {"key": call.key}
        near = [c for c in self.calls if 0 < abs(c.number - call.number) <= max(1, self.at // 2)]
        if self.mode != "b" and near and dice.random() < 0.25:
            other, what = dice.choice(near), dice.choice(used)
            self.decoyed.add((other.number, "old" if what == "new" else what))
            arguments["note"] = dice.choice(["{}", "leave {} alone"]).format(other.targets[what])
        return arguments

    def lay_out(self):
        """Makes the files that calls read, rename and delete."""
        self.folder.mkdir(parents=True)
        for call in self.calls:
            for what in BEFORE:
                Path(call.targets[what]).write_text(f"{what} of {call.key}\n")

    def done(self):
        """What the calls have left behind that they should not, or have not left: a list of problems."""
        problems = []
        for call in self.calls:
            there = {"make": True, "read": True, "new": True, "child": "child" in self.does, "old": False, "drop": False}
            problems += [f"call {call.number}: {call.targets[w]} {'is missing' if must else 'is still there'}"
                         for w, must in there.items() if Path(call.targets[w]).exists() != must]
        return problems

    def whose(self, record, pids):
        """(call number or BACKGROUND, what) of an effect record; (None, None) if the plan does not know it. pids:
        a program's process -> whose, for effects that carry nothing else."""
        texts = [record.get("target", ""), record.get("target2", ""), record.get("asked", ""), *words(record.get("argv"))]
        texts += [record.get("object", "").split("/", 3)[-1]] if record["kind"] == "net.http" else []
        found = next((self.owner[t] for t in texts if t in self.owner), None)
        if not found and any(BACKGROUND + "-" in t for t in texts):
            found = BACKGROUND, BACKGROUND
        if record["kind"] == "proc.exec" and found:
            pids[record["pid"]] = found
        if record["kind"] == "proc.exit" and not found:
            found = pids.get(record["pid"])
        return found or (None, None)


def words(argv):
    return argv if isinstance(argv, list) else (argv or "").split()
