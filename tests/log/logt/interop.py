# SPDX-License-Identifier: Apache-2.0
"""Our logs held against software of others: Go's sumdb/note and sumdb/tlog, transparency-dev's merkle, Tessera's fsck."""

import random
import shutil
import subprocess

from e2e import build

from .form import Log, Signer, Writer
from .tool import rewrite

RUNS = (300, "stop"), (200, "kill"), (300, "open"), (100, "stop")
SEGMENT = 1 << 16


def logcheck(kit, *args):
    p = subprocess.run([kit / "logcheck", *map(str, args)], capture_output=True, text=True, timeout=300)
    return p.returncode, (p.stdout + p.stderr).strip()


def tlog(t):
    kit = build.prepare("logcheck")
    log, _ = t.made("interop", RUNS, SEGMENT)
    plain = sorted((log / "seg").glob("*.jsonl"))
    for f in plain[:-1:2]:  # whatever the log had the time for: both forms are to be there
        subprocess.run(["zstd", "-q", "--rm", f], check=True)
    code, said = logcheck(kit, "log", log)
    if code or not said.startswith("accepted:"):
        return [said]
    at = Log(log)
    line = bytearray(at.lines[100])
    line[-10] ^= 1
    at.lines[100] = bytes(line)
    rewrite(at, at.lines)
    code, other = logcheck(kit, "log", log)
    return ([] if code == 1 else ["an edited log is accepted: the check cannot fail"]), said


def fsck(t):
    """Tessera's own command over a copy, with the entry bundles that tlog-tiles has beside the tiles."""
    kit = build.prepare("logcheck")
    log, _ = t.made("interop", RUNS, SEGMENT)
    code, said = logcheck(kit, "bundles", log)
    if code:
        return [said]
    key = t.d / "identity.vkey"
    key.write_text(Log(log).vkey().text)
    argv = [kit / "fsck", f"--storage_url=file://{log}/", f"--public_key={key}", "--ui=false", "--N=4"]

    def run():
        # it may exit 0 after a failure, and may hang on one
        try:
            p = subprocess.run(argv, capture_output=True, text=True, timeout=180)
        except subprocess.TimeoutExpired:
            return False, "no end after 60 s"
        return "Successfully fsck'd log" in p.stderr, p.stderr.strip().splitlines()[-1]
    good, said = run()
    if not good:
        return [said]
    bundle = log / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b'"type":"call"', b'"type":"Call"', 1))
    bad, _ = run()
    return (["an edited log is accepted: the check cannot fail"] if bad else []), said.split("] ")[-1]


def proofs(t):
    """`export --proof`: what an outsider needs is the proof, the record and the enrolled key."""
    kit = build.prepare("logcheck")
    log, _ = t.made("interop", RUNS, SEGMENT)
    whole = Log(log)
    n, problems = whole.sealed(), []
    for seq in sorted({0, 1, 255, 256, 257, n - 1, *random.sample(range(n), 20)}):
        p = t.run([t.binary, "export", "--proof", seq, "--log", log])
        if p.returncode:
            return [f"export --proof {seq}: exit status {p.returncode}: {p.stderr.decode()}"]
        proof, record, other = t.d / "p.tlog-proof", t.d / "record", t.d / "other"
        proof.write_bytes(p.stdout)
        record.write_bytes(whole.lines[seq] + b"\n")
        other.write_bytes(whole.lines[seq].replace(b'"host"', b'"Host"'))
        code, said = logcheck(kit, "proof", proof, record, log / "vkeys")
        if code or f"record {seq} of " not in said:
            problems.append(f"record {seq}: {said}")
        if logcheck(kit, "proof", proof, other, log / "vkeys")[0] != 1:
            problems.append(f"record {seq}: another record is accepted")
    for seq in n, n + 1000, -1, "x", 1 << 64:
        p = t.run([t.binary, "export", "--proof", seq, "--log", log])
        if p.returncode not in (1, 2) or p.stdout:
            problems.append(f"export --proof {seq} of {n}: exit status {p.returncode}")
    return problems


def own_reading(t):
    """The form that the attacks are written with is held against the same software."""
    kit = build.prepare("logcheck")
    origin = "host/mcpwatch/00000000-0000-4000-8000-000000000000"
    w = Writer(t.d / "log", origin, Signer(origin, b"i" * 32), 0, b"s")
    for i in range(70000 if t.long else 700):
        w.record(type="call", call=f"c{i}")
        if i % 1300 == 13:
            w.seal()
    w.seal()
    w.write()
    (w.dir / "origin").write_text(origin + "\n")
    (w.dir / "vkeys").write_text(w.identity.vkey + "\n" + w.key(0).vkey + "\n")
    Log(w.dir).verify()
    code, said = logcheck(kit, "log", w.dir)
    v = t.verify(w.dir)
    problems = [] if code == 0 else [said]
    if v.code not in (0, 4):  # it is old, and has no stop at its end
        problems.append(str(v))
    shutil.rmtree(w.dir)
    return problems, said


CASES = {f"interop-{f.__name__.replace('_', '-')}": f for f in (own_reading, tlog, fsck, proofs)}
