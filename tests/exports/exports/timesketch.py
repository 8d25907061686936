# SPDX-License-Identifier: Apache-2.0
"""timesketch: what its own importer reads and would send."""

import collections
import json
import subprocess

from timesketch_import_client import importer

from . import logs

# What its index takes: fields of a timeline (three each for a text, of 1,000), bytes of a text that is searched.
FIELDS_MAX, TEXT_MAX = 330, 32766


class Sketch:
    """As much of an API's sketch as the importer asks; keeps the events that it sends."""

    id = 1

    def __init__(self):
        self.api = self.session = self
        self.api_root, self.status_code, self.events = "http://timesketch/api/v1", 200, []

    def post(self, url, data=None, files=None):
        self.events += [json.loads(line) for line in files["events"][1].split("\n")]
        return self

    def json(self):
        return {"objects": [{"id": 1, "searchindex": {"index_name": "x"}}], "meta": {"task_id": "1"}}


def imported(path):
    sketch = Sketch()
    with importer.ImportStreamer() as streamer:
        streamer.set_sketch(sketch)
        streamer.set_timeline_name("t")
        streamer.add_file(str(path))
    return sketch.events


def check(events, wanted):
    """All rows have come, and fit."""
    assert len(events) == wanted, f"{len(events)} rows, not {wanted}"
    kinds = collections.defaultdict(set)
    for event in events:
        for field in "message", "datetime", "timestamp_desc":
            assert event.get(field), f"no {field}: {event}"
        assert abs(event["timestamp"] * 1000 - event["time_ns"]) < 1000, event
        for name, value in event.items():
            kinds[name].add(type(value))
            if isinstance(value, str):
                assert len(value.encode()) <= TEXT_MAX, f"{name}: {len(value)}"
    assert len(kinds) < FIELDS_MAX, len(kinds)
    mixed = {name: k for name, k in kinds.items() if len(k) > 1}
    assert not mixed, f"fields of several types: {mixed}"
    return events


def plain(made):
    records = logs.file_records()
    events = check(imported(made.export("timesketch", made.plain)), len(records.lines) - 1 + 1)  # no ties, one more
    assert events[0]["timestamp_desc"] == "Export Begins"
    call = [e for e in events if e["data_type"] == "mcpwatch:call"][0]
    assert (call["call"], call["tool"], call["server"], call["user"], call["status"]) == \
        ("c1-2", "tool2", "files", "alice", "rpc_error"), call
    effects = [e for e in events if e["data_type"] == "mcpwatch:effect" and e.get("call") == "c1-1"]
    assert len(effects) == 4 and all(e["tie"] == "sole" and e["confidence"] == "likely" for e in effects), effects
    assert [e["tag"] for e in events if e["data_type"] == "mcpwatch:alert"] == [["alert"]] * 2
    return f"{len(events)} rows"


def hostile(made):
    """Every text arrives as it was, but for what is cut and no UTF-8."""
    records = logs.hostile_records()
    events = check(imported(made.export("timesketch", made.hostile)), len(records.lines) + 1)
    targets = [e["target"] for e in events if e["data_type"] == "mcpwatch:effect" and e.get("call")]
    assert targets == [t or "/" for t in logs.HOSTILE], targets
    assert all(e["call"] for e in events if e["data_type"] == "mcpwatch:call")


def name(made):
    run = subprocess.run([made.binary, "timeline", "--format", "timesketch", "--log", made.plain, "-o",
                          made.top / "t.json"], capture_output=True, text=True)
    assert run.returncode == 2 and ".jsonl" in run.stderr, run
    assert not (made.top / "t.json").exists()


def sealed(made):
    events = imported(made.export("timesketch", made.sealed))
    assert check(events, len(events)) and sum(e["data_type"] == "mcpwatch:call" for e in events) >= 400
    empty = imported(made.export("timesketch", made.empty))
    assert check(empty, 1)


def tampered(made):
    events = imported(made.export("timesketch", made.tampered, want=3))
    assert events[0]["timestamp_desc"] == "TAMPERED LOG" and "DO NOT RELY" in events[0]["message"], events[0]
    assert all("tampered-log" in e["tag"] for e in events)


CASES = {"timesketch-plain": plain, "timesketch-hostile": hostile, "timesketch-name": name,
         "timesketch-sealed": sealed, "timesketch-tampered": tampered}
