# SPDX-License-Identifier: Apache-2.0
"""ocsf: against the published schema, of the version that is claimed and of a later one."""

import collections
import functools
import json

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from . import logs

CLAIMED, LATER = "1.5.0", "1.8.0"


@functools.cache
def schema(version):
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))


@functools.cache
def validator(version, uid, profiles):
    name = schema(version).lookup_class_name_from_uid(class_uid=uid)
    return Draft202012Validator(schema(version).get_class_schema(class_name=name, profiles=list(profiles)))


def check(path):
    events = [json.loads(line) for line in path.read_text().split("\n")[:-1]]
    uids = set()
    for event in events:
        assert event["metadata"]["version"] == CLAIMED
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], event
        for version in CLAIMED, LATER:
            event["metadata"]["version"] = version
            v = validator(version, event["class_uid"], tuple(event["metadata"]["profiles"]))
            for e in v.iter_errors(event):
                raise AssertionError(f"{version}: {'/'.join(map(str, e.path))}: {e.message[:300]}: {str(event)[:600]}")
        if "uid" in event["metadata"]:
            assert event["metadata"]["uid"] not in uids, event
            uids.add(event["metadata"]["uid"])
    return events


def plain(made):
    events = check(made.export("ocsf", made.plain))
    n = collections.Counter(e["class_uid"] for e in events)
    # 18 effects: 8 of files, 3 of processes and the kernel, 7 of networks; the rest is said of no class
    assert n == {6003: 4, 1001: 8, 1007: 3, 4001: 7, 2004: 2, 0: 9}, n
    kinds = {e["unmapped"]["kind"]: e for e in events if e["class_uid"] in (1001, 1007, 4001)}
    peers = [e["dst_endpoint"] for e in events if e.get("unmapped", {}).get("kind") == "net.connect"]
    assert {"ip": "2001:db8::1", "port": 8080} in peers and len(peers) == 2, peers
    assert {"ip": "192.0.2.7", "port": 443, "svc_name": "api.example"} in peers, peers
    assert kinds["net.accept"]["src_endpoint"] == {"ip": "198.51.100.3", "port": 5000}
    assert kinds["file.delete"]["status_id"] == 2 and kinds["file.delete"]["status_detail"] == "ENOENT"
    assert kinds["file.rename"]["file_result"]["path"] == "/data/b" and kinds["file.rename"]["activity_id"] == 5
    assert kinds["proc.exit"]["exit_code"] == 3 and kinds["proc.exit"]["activity_id"] == 2
    call = next(e for e in events if e["class_uid"] == 6003 and e["metadata"]["correlation_uid"] == "c1-2")
    assert call["api"]["response"]["code"] == -32602 and call["status_id"] == 2 and call["duration"] == 50, call
    assert call["api"]["request"]["data"] == {"path": "/data/2"} and call["actor"]["user"]["name"] == "alice"
    effects = [e for e in events if e["class_uid"] in (1001, 1007, 4001) and
               e["metadata"].get("correlation_uid") == "c1-0"]
    assert len(effects) == 4, effects
    alerts = [e for e in events if e["class_uid"] == 2004]
    assert [a["severity_id"] for a in alerts] == [4, 5] and alerts[0]["finding_info"]["title"] == "a key was read"
    return f"{len(events)} events"


def hostile(made):
    events = check(made.export("ocsf", made.hostile))
    targets = [e["file"]["path"] for e in events if e["class_uid"] == 1001]
    assert targets[:len(logs.HOSTILE)] == [t or "/" for t in logs.HOSTILE], targets
    return f"{len(events)} events"


def sealed(made):
    events = check(made.export("ocsf", made.sealed))
    assert sum(e["class_uid"] == 6003 for e in events) >= 400
    assert len(check(made.export("ocsf", made.empty))) == 1
    return f"{len(events)} events"


def tampered(made):
    events = check(made.export("ocsf", made.tampered, want=3))
    assert (events[0]["class_uid"], events[0]["severity_id"]) == (2004, 5) and "DO NOT RELY" in events[0]["message"]
    assert all(e["metadata"]["labels"] == ["tampered-log"] for e in events)


CASES = {"ocsf-plain": plain, "ocsf-hostile": hostile, "ocsf-sealed": sealed, "ocsf-tampered": tampered}
