# SPDX-License-Identifier: Apache-2.0
"""otlp: read by OpenTelemetry's own messages."""

import base64
import json

from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from . import logs

IDS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
LINE_SPANS = 256


def ids_as_bytes(value):
    """OTLP's JSON has ids in hex, where protobuf's own has base64; nothing else differs."""
    if isinstance(value, list):
        return [ids_as_bytes(v) for v in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, v in value.items():
        if name in IDS:
            assert len(v) == IDS[name] and v == v.lower() and int(v, 16), v
            v = base64.b64encode(bytes.fromhex(v)).decode()
        if name in ("startTimeUnixNano", "endTimeUnixNano", "intValue"):
            assert isinstance(v, str) and v.isdigit(), v
        out[name] = ids_as_bytes(v)
    return out


def attributes(of):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in of.attributes}


def spans(path):
    """(resource's attributes, span's, span) of all; unknown names are refused."""
    out, seen = [], set()
    for line in path.read_text().split("\n")[:-1]:
        data = json_format.ParseDict(ids_as_bytes(json.loads(line)), TracesData())
        n = 0
        for resource in data.resource_spans:
            about = attributes(resource.resource)
            assert about["service.name"], about
            for scope in resource.scope_spans:
                for span in scope.spans:
                    n += 1
                    assert (span.trace_id, span.span_id) not in seen and span.name and span.kind in (1, 2)
                    assert 0 <= span.start_time_unix_nano <= span.end_time_unix_nano
                    seen.add((span.trace_id, span.span_id))
                    names = [a.key for a in span.attributes]
                    assert len(names) == len(set(names)), names
                    out.append((about, attributes(span), span))
        assert n <= LINE_SPANS, n
    return out


def calls_of(all_spans):
    return {a["mcpwatch.call"]: (r, a, s) for r, a, s in all_spans if s.kind == 2 and "mcpwatch.call" in a}


def plain(made):
    every = spans(made.export("otlp", made.plain))
    calls = calls_of(every)
    assert set(calls) == {f"c1-{i}" for i in range(4)}, set(calls)
    resource, a, span = calls["c1-2"]
    assert span.name == "tools/call tool2" and resource["service.name"] == "files"
    want = {"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "tool2",
            "mcp.session.id": "x1-1", "jsonrpc.request.id": "r2", "network.transport": "pipe", "error.type": "-32602",
            "rpc.response.status_code": "-32602", "gen_ai.tool.call.arguments": '{"path":"/data/2"}', "user.name": "alice"}
    assert want.items() <= a.items(), want.items() - a.items()
    assert span.status.code == 2 and "no such" in span.status.message
    assert span.end_time_unix_nano - span.start_time_unix_nano == 50_000_000
    assert calls["c1-1"][1]["error.type"] == "tool_error" and calls["c1-1"][1]["network.transport"] == "tcp"
    assert calls["c1-1"][1]["network.protocol.name"] == "http" and calls["c1-1"][1]["http.response.status_code"] == 200
    assert calls["c1-0"][2].status.code == 0 and calls["c1-0"][1]["jsonrpc.request.id"] == "7"
    # the client's trace goes on, effects and all
    brought = calls["c1-3"][2]
    assert (brought.trace_id.hex(), brought.parent_span_id.hex()) == (logs.TRACE, logs.PARENT)
    for i in range(4):
        call = calls[f"c1-{i}"][2]
        below = [s for _, a, s in every if a.get("mcpwatch.call") == f"c1-{i}" and s is not call]
        assert len(below) == 4, len(below)
        assert all((s.trace_id, s.parent_span_id) == (call.trace_id, call.span_id) for s in below)
    alert = next((a, s) for _, a, s in every if a.get("mcpwatch.alert.rule") == "secret-read")
    assert alert[1].parent_span_id == calls["c1-0"][2].span_id
    assert [(link.trace_id, link.span_id) for link in alert[1].links] == [(brought.trace_id, brought.span_id)]
    effect = next(a for _, a, s in every if a.get("mcpwatch.effect.target") == "[2001:db8::1]:8080")
    assert (effect["network.peer.address"], effect["network.peer.port"]) == ("2001:db8::1", 8080), effect
    again = made.top / "again.jsonl"
    made.export("otlp", made.plain).rename(again)
    assert [s for _, _, s in spans(again)][1:] == [s for _, _, s in every][1:], "ids differ in a second export"
    return f"{len(every)} spans"


def late_context(made):
    """Where only the call's record has the context, its span is linked to it, and its effects stay below it."""
    records = logs.file_records()
    records.lines = [line.replace(b',"_meta":{"traceparent":"' + logs.TRACEPARENT.encode() + b'"}', b"")
                     for line in records.lines]
    every = spans(made.export("otlp", made.write("late.records", records)))
    _, _, call = calls_of(every)["c1-3"]
    assert not call.parent_span_id and [link.trace_id.hex() for link in call.links] == [logs.TRACE], call
    below = [s for _, a, s in every if a.get("mcpwatch.call") == "c1-3" and s is not call]
    assert len(below) == 4 and all(s.trace_id == call.trace_id for s in below)


def hostile(made):
    every = spans(made.export("otlp", made.hostile))
    targets = [a["mcpwatch.effect.target"] for _, a, _ in every if a.get("mcpwatch.effect.kind") == "file.open"]
    assert targets == [t or "/" for t in logs.HOSTILE], targets


def sealed(made):
    every = spans(made.export("otlp", made.sealed))
    assert len(calls_of(every)) >= 400
    known = {(s.trace_id, s.span_id) for _, _, s in every}
    lost = [s for _, _, s in every if s.parent_span_id and (s.trace_id, s.parent_span_id) not in known]
    assert not lost, lost[0]
    assert len(spans(made.export("otlp", made.empty))) == 1
    return f"{len(every)} spans"


def tampered(made):
    every = spans(made.export("otlp", made.tampered, want=3))
    assert every[0][2].name.startswith("TAMPERED") and every[0][2].status.code == 2, every[0]
    assert all(r["mcpwatch.log.tampered"] for r, _, _ in every)


CASES = {"otlp-plain": plain, "otlp-late-context": late_context, "otlp-hostile": hostile, "otlp-sealed": sealed,
         "otlp-tampered": tampered}
