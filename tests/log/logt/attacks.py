# SPDX-License-Identifier: Apache-2.0
"""What an attacker does to a log, on a real one. Each attack must be found: exit status 3, the first bad record named.

The attacker is the strongest: root after the break-in, with the identity and the one-time key of the running
epoch, who writes all files anew as the format wants them. Older one-time keys are gone.
"""

import json
import shutil
from pathlib import Path

from .form import Bad, Log, Signer, Stolen, Tree, Verifier, Writer, checkpoint, leaf, note
from .tool import rewrite

RUNS = (40, "stop"), (60, "open"), (40, "kill"), (60, "stop")
SEGMENT = 1 << 16


class Victim:
    """A copy of a log, with what is needed to attack it and to say what was done."""

    def __init__(self, t):
        self.t = t
        self.path, keys = t.made("attacked", RUNS, SEGMENT)
        self.log = Log(self.path)
        self.size = self.log.verify()  # honest, by our own reading
        self.sizes = self.log.sizes()
        self.stolen = Stolen(keys, self.log.origin)
        self.enrolled = self.path.parent / "enrolled"
        shutil.copy(self.path / "vkeys", self.enrolled)
        self.lines = list(self.log.lines)
        self.seals = list(self.log.seals)

    def a_call(self, part=0.5):
        """A call record near that part of the log, with the edit of its outcome."""
        at = int(self.size * part)
        while json.loads(self.lines[at])["type"] != "call":
            at += 1
        return at, self.lines[at].replace(b'"status":"ok"', b'"status":"no"').replace(b'"method"', b'"Method"')

    def seal_of(self, seq):
        """Which seal is the first over a record."""
        return next(i for i, n in enumerate(self.sizes) if n > seq)

    def writer(self):
        """Writes what self.lines and self.seals are now, tiles and checkpoint after them."""
        w = Writer(self.path, self.log.origin, self.stolen.identity, self.stolen.epoch, b"forged")
        w.lines, w.seals = self.lines, self.seals
        return w

    def put(self, tiles=False):
        rewrite(self.log, self.lines)
        w = self.writer()
        w.write_seals()
        if tiles:
            w.write_tiles()

    def sign(self, epoch, size, key, identity=None):
        body = checkpoint(self.log.origin, size, Tree(map(leaf, self.lines[:size])).root())
        return {"epoch": epoch, "checkpoint": note(body, identity or self.stolen.identity, key)}

    def numbered(self):
        """Every record says the place it has now."""
        for i, line in enumerate(self.lines):
            old = json.loads(line)["seq"]
            self.lines[i] = line.replace(f'"seq":{old},'.encode(), f'"seq":{i},'.encode(), 1)

    def own_reading(self):
        """What our own reading says is wrong; None: nothing."""
        keys = [Verifier(text) for text in self.enrolled.read_text().split()]
        keys.sort(key=lambda k: k.name.endswith("/fs/0"))
        try:
            Log(self.path).verify(*keys)
        except (Bad, ValueError, KeyError, OSError) as e:
            return str(e)
        return None

    def verdict(self, code=3, named=None, args=(), clock=0, why=""):
        """Problems. named: the first bad record, or the range that it lies in. What needs neither anchor nor clock
        must be found by our own reading too: else the attack is none."""
        v = self.t.verify(self.path, "--vkey", self.enrolled, *args, clock=clock)
        problems = [] if v.code == code else [f"{why}expected {code}: {v}"]
        own = self.own_reading()
        if not args and (own is None) == (code == 3):
            problems.append(f"{why}by our own reading: {own}")
        if v.code == code and named is not None:
            lo, hi = named if isinstance(named, tuple) else (named, named)
            if v.named is None or not lo <= v.named <= hi:
                problems.append(f"{why}expected record {lo}{f' to {hi}' if hi > lo else ''} to be named: {v}")
        return problems


# --- without keys --------------------------------------------------------------------------------


def honest(t):
    return Victim(t).verdict(code=0)


def edit(t):
    """Places over the whole log, the seal records and the first and last record among them."""
    problems = []
    places = [0, 1, 0.3, 0.7, "seal", "last"]
    for place in places:
        v = Victim(t)
        if place == "seal":
            at = v.sizes[len(v.sizes) // 2] - 1
        elif place == "last":
            at = v.size - 1
        else:
            at = place if isinstance(place, int) else v.a_call(place)[0]
        line = bytearray(v.lines[at])
        line[line.index(b'"host":"') + 8] ^= 1
        v.lines[at] = bytes(line)
        rewrite(v.log, v.lines)
        problems += v.verdict(named=at, why=f"record {at} of {v.size}: ")
    return problems


def edit_white_space(t):
    """The same JSON in other bytes is another record."""
    v = Victim(t)
    at, _ = v.a_call()
    v.lines[at] = v.lines[at].replace(b",", b", ", 1)
    rewrite(v.log, v.lines)
    return v.verdict(named=at)


def delete(t):
    problems = []
    for renumber in False, True:
        v = Victim(t)
        at, _ = v.a_call()
        del v.lines[at]
        if renumber:
            v.numbered()
        rewrite(v.log, v.lines)
        problems += v.verdict(named=at, why=f"renumbered: {renumber}: ")
    return problems


def insert(t):
    problems = []
    for renumber in False, True:
        v = Victim(t)
        at, edited = v.a_call()
        v.lines.insert(at, edited)
        if renumber:
            v.numbered()
            rewrite(v.log, v.lines)
            problems += v.verdict(named=at, why="renumbered: ")
        else:
            rewrite(v.log, v.lines)
            problems += v.verdict(named=(at, at + 1))
    return problems


def reorder(t):
    problems = []
    for renumber in False, True:
        v = Victim(t)
        at, _ = v.a_call()
        v.lines[at], v.lines[at + 1] = v.lines[at + 1], v.lines[at]
        if renumber:
            v.numbered()
        rewrite(v.log, v.lines)
        problems += v.verdict(named=at, why=f"renumbered: {renumber}: ")
    return problems


def swap_segments(t):
    """Whole files under each other's names."""
    v = Victim(t)
    a, b = sorted(v.log.segments)[1:3]
    a_path, b_path = v.log.segments[a], v.log.segments[b]
    aside = v.path / "aside"
    a_path.rename(aside)
    b_path.rename(a_path.with_name(a_path.name[:20] + "".join(b_path.suffixes)))
    aside.rename(b_path.with_name(b_path.name[:20] + "".join(a_path.suffixes)))
    return v.verdict(named=a)


def drop_segment(t):
    v = Victim(t)
    first = sorted(v.log.segments)[1]
    v.log.segments[first].unlink()
    return v.verdict(named=first)


def drop_seal(t):
    """A line of seals.jsonl; the newest one too, with the checkpoint of the one before."""
    problems = []
    for at in 0, len(Victim(t).seals) // 2, -2:
        v = Victim(t)
        del v.seals[at]
        v.writer().write_seals()
        n = v.sizes[at]
        problems += v.verdict(named=(0, n), why=f"seal {at}: ")
    v = Victim(t)
    (v.path / "seals.jsonl").write_text("".join((v.path / "seals.jsonl").read_text().splitlines(True)[:-1]))
    problems += v.verdict(why="the newest, not the checkpoint: ")
    return problems


def drop_newest_seal(t):
    """With its checkpoint: as a crash before that seal would have left it, and so no more than unsealed."""
    v = Victim(t)
    del v.seals[-1]
    v.writer().write_seals()
    return v.verdict(code=4, named=v.sizes[-2])


def drop_seal_record(t):
    """The line and the record."""
    v = Victim(t)
    k = len(v.seals) // 2
    del v.seals[k], v.lines[v.sizes[k] - 1]
    v.put()
    return v.verdict(named=(v.sizes[k - 1], v.sizes[k]))


def swap_seals(t):
    v = Victim(t)
    k = len(v.seals) // 2
    v.seals[k], v.seals[k + 1] = v.seals[k + 1], v.seals[k]
    v.writer().write_seals()
    return v.verdict(named=(v.sizes[k - 1], v.sizes[k + 1]))


def old_checkpoint(t):
    v = Victim(t)
    (v.path / "checkpoint").write_text(v.seals[-3]["checkpoint"])
    return v.verdict()


def cut_lines(t):
    """Off the end, within what is sealed; seals, checkpoint and tiles stay."""
    problems = []
    for n in 1, 5, 100:
        v = Victim(t)
        del v.lines[v.size - n:]
        rewrite(v.log, v.lines)
        problems += v.verdict(named=v.size - n, why=f"{n} lines: ")
    return problems


def cut_all(t):
    v = Victim(t)
    v.lines = []
    rewrite(v.log, v.lines)
    return v.verdict(named=0)


def edit_tile(t):
    """Tiles are of no use to an attacker, but one that lies makes proofs fail."""
    problems = []
    for f in sorted((Victim(t).path / "tile").rglob("*")):
        if not f.is_file():
            continue
        v = Victim(t)
        f = v.path / "tile" / f.relative_to(f.parents[[p.name for p in f.parents].index("tile")])
        data = bytearray(f.read_bytes())
        data[len(data) // 2] ^= 1
        f.write_bytes(data)
        problems += v.verdict(why=f"{f.relative_to(v.path)}: ")
    return problems


def edit_and_tiles(t):
    """Tiles, seals' notes left: the record cannot be told from the tiles any more, its seal can."""
    v = Victim(t)
    at, v.lines[at] = v.a_call()
    k = v.seal_of(at)
    v.put(tiles=True)
    return v.verdict(named=(v.sizes[k - 1], v.sizes[k] - 1))


# --- with the stolen keys ------------------------------------------------------------------------


def cut_and_continue(t):
    """Back to a seal, then on with what was stolen: the key that seal announced is gone."""
    problems = []
    k = len(Victim(t).seals) // 2
    for how in ("stolen key, its own epoch", "stolen key, the epoch wanted", "new key, the epoch wanted",
                "identity alone"):
        v = Victim(t)
        del v.lines[v.sizes[k]:], v.seals[k + 1:]
        epoch = v.stolen.epoch if "own" in how else k + 1
        w = v.writer()
        w.epoch = epoch
        w.record(type="call", call="forged", status="ok")
        name = f"{v.log.origin}/fs/{epoch}"
        key = v.stolen.identity if "alone" in how else \
            Signer(name, v.stolen.key.seed if "stolen" in how else b"n" * 32)
        w.seal(key=key, next_key=Signer(f"{v.log.origin}/fs/{epoch + 1}", v.stolen.next.seed))
        v.put(tiles=True)
        n = v.sizes[k]
        problems += v.verdict(named=(n, n + 1), why=f"{how}: ")
    return problems


def edit_and_reseal(t):
    """An old record edited, and the tree over it signed with the key of this epoch."""
    problems = []
    for how in "old seals kept", "old seals signed by the identity", "old seals signed by the stolen key", \
            "old seals dropped":
        v = Victim(t)
        at, v.lines[at] = v.a_call()
        k = v.seal_of(at)
        if "signed" in how:
            for i in range(k, len(v.seals)):
                key = v.stolen.identity if "identity" in how else Signer(f"{v.log.origin}/fs/{i}", v.stolen.key.seed)
                v.seals[i] = v.sign(i, v.sizes[i], key)
        elif "dropped" in how:
            v.seals = []
        w = v.writer()
        w.seal(key=v.stolen.key, next_key=v.stolen.next)
        v.put(tiles=True)
        lo = 0 if "dropped" in how else v.sizes[k - 1]
        hi = len(v.lines) if "dropped" in how else v.sizes[k] - 1
        problems += v.verdict(named=(lo, hi), why=f"{how}: ")
    return problems


def edit_and_chain(t):
    """The seals from the edited record on made anew with keys of one's own, announced by the records in between."""
    v = Victim(t)
    at, v.lines[at] = v.a_call()
    k = v.seal_of(at)
    w = v.writer()
    for i in range(k, len(v.seals)):
        n = v.sizes[i]
        r = json.loads(v.lines[n - 1])
        r["next_vkey"] = w.key(i + 1).vkey
        v.lines[n - 1] = json.dumps(r, separators=(",", ":")).encode()
        v.seals[i] = v.sign(i, n, w.key(i))
    v.put(tiles=True)
    return v.verdict(named=(v.sizes[k - 1], v.sizes[k] - 1))


def reseal_unsealed(t):
    """What is in an attacker's reach and no attack on the past: going on with the stolen key. The limit, said."""
    v = Victim(t)
    w = v.writer()
    w.record(type="call", call="forged", status="ok")
    w.seal(key=v.stolen.key, next_key=v.stolen.next)
    v.put(tiles=True)
    return v.verdict(code=0)


def replaced(t):
    """Another log under the same name, in every way sound: only the enrolled keys tell."""
    problems = []
    for how in "own identity", "stolen identity":
        v = Victim(t)
        origin = v.log.origin
        identity = v.stolen.identity if "stolen" in how else Signer(origin, b"x" * 32)
        w = Writer(v.path, origin, identity, 0, b"forged")
        for i in range(50):
            w.record(type="call", call=f"c{i}", status="ok")
        w.record(type="daemon", event="stop")
        w.seal()
        w.write()
        (v.path / "vkeys").write_text(identity.vkey + "\n" + w.key(0).vkey + "\n")
        problems += v.verdict(why=f"{how}: ")
    return problems


def another_origin(t):
    """A sound log of another host in this one's place."""
    v = Victim(t)
    other, _ = t.made("other", ((20, "stop"),))
    shutil.rmtree(v.path)
    Path(other).rename(v.path)
    return v.verdict()


# --- with an anchor or the clock -----------------------------------------------------------------


def anchor_of(v, k=-1):
    f = v.path.parent / "anchor"
    f.write_text(v.seals[k]["checkpoint"])
    return f


def cut_to_seal(v, k):
    """At a seal's boundary everything fits: records, seals, checkpoint and tiles of then."""
    del v.lines[v.sizes[k]:], v.seals[k + 1:]
    v.put(tiles=True)


def anchored(t):
    """Of every seal, the newest and older ones: nothing to complain of."""
    problems = []
    v = Victim(t)
    for k in 0, len(v.seals) // 2, -1:
        problems += v.verdict(code=0, args=["--anchor", anchor_of(v, k)])
    return problems


def cut_at_seal_anchor(t):
    v = Victim(t)
    anchor = anchor_of(v)
    cut_to_seal(v, len(v.seals) // 2)
    return v.verdict(code=4, args=["--anchor", anchor])


def cut_at_seal_clock(t):
    """No stop at its end and no seal for two minutes."""
    v = Victim(t)
    k = len(v.seals) // 2
    while json.loads(v.lines[v.sizes[k] - 2]).get("event") == "stop":
        k -= 1
    cut_to_seal(v, k)
    return v.verdict(code=4, clock=600)


def roll_back_longer(t):
    """Disk and keys of an earlier day, gone on with beyond what was anchored."""
    v = Victim(t)
    home = v.path.parent
    keys = home / "keys"
    t.run(["cp", "-a", home, home.parent / "earlier"])
    t.make(v.path, keys, 30, 77)
    later = Log(v.path)
    anchor = t.d / "anchor"
    anchor.write_text(later.checkpoint)
    earlier = home.parent / "earlier"
    t.make(earlier / "log", earlier / "keys", 60, 78)
    if Log(earlier / "log").sealed() <= later.sealed():
        return ["the roll-back is not the longer one"]
    v.path = earlier / "log"
    return v.verdict(code=0, why="without an anchor, a limit: ") + v.verdict(args=["--anchor", anchor])


def roll_back_shorter(t):
    v = Victim(t)
    home = v.path.parent
    earlier = home.parent / "earlier"
    t.run(["cp", "-a", home, earlier])
    t.make(v.path, home / "keys", 60, 77)
    anchor = t.d / "anchor"
    anchor.write_text(Log(v.path).checkpoint)
    v.path = earlier / "log"
    return v.verdict(code=4, args=["--anchor", anchor])


def forged_anchor(t):
    """An anchor that bears no signature of the log is no anchor."""
    v = Victim(t)
    f = t.d / "anchor"
    other = Signer(v.log.origin, b"y" * 32)
    f.write_text(note(checkpoint(v.log.origin, 10**6, b"r" * 32), other))
    r = t.verify(v.path, "--vkey", v.enrolled, "--anchor", f)
    return [] if r.code in (1, 3) else [f"expected 1 or 3: {r}"]


CASES = {f"attack-{f.__name__.replace('_', '-')}": f for f in (
    honest, edit, edit_white_space, delete, insert, reorder, swap_segments, drop_segment, drop_seal, drop_newest_seal,
    drop_seal_record,
    swap_seals, old_checkpoint, cut_lines, cut_all, edit_tile, edit_and_tiles, cut_and_continue, edit_and_reseal,
    edit_and_chain, reseal_unsealed, replaced, another_origin, anchored, cut_at_seal_anchor, cut_at_seal_clock,
    roll_back_longer, roll_back_shorter, forged_anchor)}
