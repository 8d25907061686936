# SPDX-License-Identifier: Apache-2.0
"""The sealed log's format once more, from its specifications alone: C2SP signed-note, tlog-checkpoint, tlog-tiles, RFC 6962.

It shares nothing with mcpwatch: it reads a log whole, says what is wrong with it, and writes what an attacker would.
"""

import base64
import hashlib
import json
import re
import struct
import subprocess
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

WIDTH = 256  # of a tile


class Bad(Exception):
    """What is wrong with a log."""


# --- notes ---------------------------------------------------------------------------------------


def key_id(name, public):
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


class Verifier:
    def __init__(self, text):
        m = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)", text)
        if not m:
            raise Bad(f"no verifier key: {text!r}")
        raw = base64.b64decode(m[3], validate=True)
        self.text, self.name, self.public = text, m[1], raw[1:]
        if raw[0] != 1 or len(raw) != 33 or key_id(self.name, self.public).hex() != m[2]:
            raise Bad(f"verifier key does not fit its id: {text}")

    def check(self, body, signature):
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, body.encode())
        except InvalidSignature as e:
            raise Bad(f"bad signature of {self.name}") from e


class Signer:
    """A private key by its 32 bytes, and the name it signs under."""

    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = self.key.public_key().public_bytes(*raw)
        self.id = key_id(name, self.public)

    @property
    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([1]) + self.public).decode()}"

    def line(self, body):
        signature = base64.b64encode(self.id + self.key.sign(body.encode())).decode()
        return f"\N{EM DASH} {self.name} {signature}\n"


def note(body, *signers):
    return body + "\n" + "".join(s.line(body) for s in signers)


def split_note(text):
    """Its body, and the signatures by name."""
    body, sep, lines = text.partition("\n\n")
    if not sep or not lines.endswith("\n"):
        raise Bad("no note")
    found = {}
    for line in lines[:-1].split("\n"):
        m = re.fullmatch("\N{EM DASH} (\\S+) (\\S+)", line)
        if not m:
            raise Bad(f"no signature line: {line!r}")
        found[m[1]] = base64.b64decode(m[2], validate=True)
    return body + "\n", found


def open_note(text, *verifiers):
    """The body, if each of them signed it."""
    body, found = split_note(text)
    for v in verifiers:
        signature = found.get(v.name)
        if signature is None:
            raise Bad(f"no signature of {v.name}")
        if signature[:4] != key_id(v.name, v.public):
            raise Bad(f"signature of another key called {v.name}")
        v.check(body, signature[4:])
    return body


def checkpoint(origin, size, root):
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def parse_checkpoint(body):
    lines = body.split("\n")
    if len(lines) != 4 or lines[3] or not re.fullmatch("0|[1-9][0-9]*", lines[1]):
        raise Bad(f"no checkpoint: {body!r}")
    root = base64.b64decode(lines[2], validate=True)
    if len(root) != 32:
        raise Bad("a root of another length")
    return lines[0], int(lines[1]), root


# --- the tree ------------------------------------------------------------------------------------


def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """All leaves, and the root of any beginning."""

    def __init__(self, hashes=()):
        self.levels = [[]]
        for h in hashes:
            self.add(h)

    def add(self, h):
        k = 0
        self.levels[0].append(h)
        while len(self.levels[k]) % 2 == 0:
            if k + 1 == len(self.levels):
                self.levels.append([])
            self.levels[k + 1].append(node(*self.levels[k][-2:]))
            k += 1

    def __len__(self):
        return len(self.levels[0])

    def root(self, n=None):
        n = len(self) if n is None else n
        if n == 0:
            return hashlib.sha256().digest()
        found, at = None, n
        for k in range(n.bit_length()):
            if at & 1:
                h = self.levels[k][at - 1]
                found = h if found is None else node(h, found)
            at >>= 1
        return found

    def tiles(self, n=None):
        """Path below tile/ and bytes of every tile that a tree of n leaves has."""
        n = len(self) if n is None else n
        found, level = {}, 0
        while n >> (8 * level):
            hashes = self.levels[8 * level] if 8 * level < len(self.levels) else []
            count = n >> (8 * level)
            for at in range(0, count, WIDTH):
                width = min(WIDTH, count - at)
                path = f"{level}/{tile_index(at // WIDTH)}" + (f".p/{width}" if width < WIDTH else "")
                found[path] = b"".join(hashes[at:at + width])
            level += 1
        return found


def all_tiles(tree, sizes):
    """What a log has after seals of these sizes: full tiles, and the partial ones of each size while they are not full."""
    found = {}
    for size in sizes:
        found |= tree.tiles(size)
    return {path: data for path, data in found.items() if ".p/" not in path or path.partition(".p/")[0] not in found}


def tile_index(i):
    parts = [f"{i % 1000:03d}"]
    while i >= 1000:
        i //= 1000
        parts.insert(0, f"x{i % 1000:03d}")
    return "/".join(parts)


# --- a log folder --------------------------------------------------------------------------------


def read_segment(path):
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
    return path.read_bytes()


class Log:
    """A log folder read whole: nothing in it is believed yet."""

    def __init__(self, folder):
        self.dir = Path(folder)
        self.origin = (self.dir / "origin").read_text().rstrip("\n")
        self.vkeys = (self.dir / "vkeys").read_text().split()
        self.segments = {}  # first seq: path
        self.lines = []
        self.torn = b""
        # what was not sealed may go with the power, of a segment that is followed by another too: reading ends there
        for path in sorted((self.dir / "seg").iterdir()):
            m = re.fullmatch(r"(\d{20})\.jsonl(\.zst)?", path.name)
            if path.name == "new.zst" or path.suffix == ".zst" and path.with_suffix("").exists():
                continue  # a crash while it was compressed
            if not m:
                raise Bad(f"{path.name}: no segment")
            data = read_segment(path)
            if self.torn or int(m[1]) != len(self.lines):
                break
            self.segments[int(m[1])] = path
            *lines, self.torn = data.split(b"\n")
            self.lines += lines
        text = (self.dir / "seals.jsonl").read_text()
        self.seals = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        self.checkpoint = (self.dir / "checkpoint").read_text()

    def records(self):
        return [json.loads(line) for line in self.lines]

    def tree(self):
        return Tree(map(leaf, self.lines))

    def sizes(self):
        return [parse_checkpoint(split_note(s["checkpoint"])[0])[1] for s in self.seals]

    def sealed(self):
        """How many records are."""
        sizes = self.sizes()
        return sizes[-1] if sizes else 0

    def vkey(self, epoch=None):
        """Of epoch 0, or of the identity."""
        for text in self.vkeys:
            v = Verifier(text)
            if (v.name == f"{self.origin}/fs/0") == (epoch == 0):
                return v
        raise Bad("vkeys: the key is not there")

    def verify(self, identity=None, epoch0=None, tiles=True):
        """Raises Bad, or says how many records are sealed."""
        identity = identity or self.vkey()
        key, size = epoch0 or self.vkey(0), 0
        tree = self.tree()
        for i, line in enumerate(self.lines):
            r = json.loads(line)
            if r["seq"] != i:
                raise Bad(f"record {i} calls itself {r['seq']}")
            if len(line) > 65535:
                raise Bad(f"record {i} is too long")
        for epoch, seal in enumerate(self.seals):
            if seal["epoch"] != epoch:
                raise Bad(f"seal {epoch} is of epoch {seal['epoch']}")
            body = open_note(seal["checkpoint"], identity, key)
            origin, n, root = parse_checkpoint(body)
            if origin != self.origin or key.name != f"{origin}/fs/{epoch}":
                raise Bad(f"seal {epoch} is of {origin}")
            if n <= size or n > len(self.lines):
                raise Bad(f"seal {epoch}: {n} records, after {size}, of {len(self.lines)}")
            if root != tree.root(n):
                raise Bad(f"seal {epoch}: the records before {n} are other ones")
            last = json.loads(self.lines[n - 1])
            if last["type"] != "seal" or last["epoch"] != epoch:
                raise Bad(f"record {n - 1} is not the seal of epoch {epoch}")
            key, size = Verifier(last["next_vkey"]), n
            if key.name != f"{origin}/fs/{epoch + 1}":
                raise Bad(f"record {n - 1}: the next key is called {key.name}")
        if self.seals and self.checkpoint != self.seals[-1]["checkpoint"]:
            raise Bad("checkpoint is not the last seal")
        if tiles:
            self.check_tiles(tree)
        return size

    def check_tiles(self, tree):
        for path, data in all_tiles(tree, self.sizes()).items():
            f = self.dir / "tile" / path
            if not f.exists() and ".p/" in path:
                f = self.dir / "tile" / path.partition(".p/")[0]  # full since, or by a seal that is gone
            if not f.exists() or f.read_bytes()[:len(data)] != data:
                raise Bad(f"tile/{path} is missing or another")

    def segment_of(self, seq):
        first = max(n for n in self.segments if n <= seq)
        return first, self.segments[first]


# --- writing one ---------------------------------------------------------------------------------


class Writer:
    """Makes a log folder as an attacker could: with whatever keys it is given."""

    def __init__(self, folder, origin, identity, epoch, seed):
        self.dir, self.origin, self.identity, self.epoch, self.seed = Path(folder), origin, identity, epoch, seed
        self.lines, self.seals = [], []

    def key(self, epoch):
        """The one-time key of an epoch: any will do that nobody else can know."""
        seed = hashlib.sha256(self.seed + struct.pack("<Q", epoch)).digest()
        return Signer(f"{self.origin}/fs/{epoch}", seed)

    def record(self, **fields):
        seq = len(self.lines)
        head = {"v": 1, "seq": seq, "time": "2026-01-01T00:00:00.000000000Z", "boot_ns": seq, "host": "h"}
        self.lines.append(json.dumps(head | fields, separators=(",", ":")).encode())

    def seal(self, key=None, next_key=None):
        """key, next_key: where the epoch's own is not to be used."""
        next_key = next_key or self.key(self.epoch + 1)
        self.record(type="seal", epoch=self.epoch, next_vkey=next_key.vkey, reason="time")
        tree = Tree(map(leaf, self.lines))
        body = checkpoint(self.origin, len(self.lines), tree.root())
        self.seals.append({"epoch": self.epoch, "checkpoint": note(body, self.identity, key or self.key(self.epoch))})
        self.epoch += 1

    def write(self):
        (self.dir / "seg").mkdir(parents=True, exist_ok=True)
        for f in (self.dir / "seg").iterdir():
            f.unlink()
        (self.dir / "seg" / f"{0:020}.jsonl").write_bytes(b"".join(line + b"\n" for line in self.lines))
        self.write_seals()
        self.write_tiles()

    def write_seals(self):
        text = "".join(json.dumps(s, ensure_ascii=False, separators=(",", ":")) + "\n" for s in self.seals)
        (self.dir / "seals.jsonl").write_text(text)
        (self.dir / "checkpoint").write_text(self.seals[-1]["checkpoint"])

    def write_tiles(self):
        tree = Tree(map(leaf, self.lines))
        sizes = [parse_checkpoint(split_note(s["checkpoint"])[0])[1] for s in self.seals]
        subprocess.run(["rm", "-rf", self.dir / "tile"], check=True)
        for path, data in all_tiles(tree, [n for n in sizes if n <= len(self.lines)]).items():
            f = self.dir / "tile" / path
            f.parent.mkdir(parents=True, exist_ok=True)
            f.write_bytes(data)


class Stolen:
    """What a break-in finds in the keys folder: the identity, this epoch's key and the next one's."""

    def __init__(self, keys, origin):
        keys = Path(keys)
        self.identity = Signer(origin, (keys / "identity.key").read_bytes())
        raw = (keys / f"{origin.rsplit('/', 1)[1]}.epoch").read_bytes()
        if raw[:8] != b"mwepoch1" or hashlib.sha256(raw[:136]).digest() != raw[136:]:
            raise Bad("no epoch file")
        self.epoch, = struct.unpack_from("<Q", raw, 24)
        self.key = Signer(f"{origin}/fs/{self.epoch}", raw[32:64])
        self.next = Signer(f"{origin}/fs/{self.epoch + 1}", raw[64:96])
        self.plan, = struct.unpack_from("<Q", raw, 96)
