# SPDX-License-Identifier: Apache-2.0
"""Holds records against the truth of a run. Every function returns a list of problems."""

import collections
import fnmatch
import json
import re

import jsonschema

from . import build
from .truth import messages

HEAD = "v seq time boot_ns host type"
# The contract's fields, in its order. server, client, principal and tokens are objects of their own.
FIELDS = {
    "daemon": "event version boot_id kernel config_hash rules_hash sources clock unsealed damaged from_seq to_seq error",
    "server": "event server client principal transport protocol tier",
    "tool": "server tool definition hash was annotations pinned",
    "request": "call dir server client session transport http hops hops_n rounds rounds_n task rpc_id method tool "
               "args args_hmac begin principal",
    "call": "call dir server client principal session transport tls http hops hops_n rounds rounds_n task rpc_id "
            "method tool args args_bytes args_hmac status error result result_bytes result_hmac begin end elapsed_ms effects effects_n "
            "power alerts anomalies evidence trace",
    "effect": "kind target target_from asked asked_changed target2 mode bytes_r bytes_w name verb object code signal result pid tid "
              "exe argv host_target dev ino n summary server call link confidence basis candidates after why",
    "ties": "call part of effects",
    "body": "call what part of text",
    "notice": "server dir method params",
    "anomaly": "what where bytes_hash bytes_n server call",
    "alert": "rule severity title calls effects server tool principal session rpc_id targets outcome count window detail tags",
    "gap": "reason where bytes events records error from to server calls",
    "seal": "epoch next_vkey counts reason",
}
CONTENT = {"args", "result", "definition", "annotations", "params", "text"}  # not ours: may hold null and ""
TIED = {"causal", "lineage", "flow", "argument", "response", "order", "sole"}
RECORD_MAX = 65535
SCHEMA = jsonschema.Draft202012Validator(json.loads((build.ROOT / "src/dist/record.schema.json").read_text()))


def unique_pairs(pairs):
    ret = dict(pairs)
    if len(ret) != len(pairs):
        raise ValueError("a key stands twice")
    return ret


def parse(data):
    """(records, problems) of a JSON lines file."""
    records, problems = [], []
    if data and not data.endswith(b"\n"):
        problems.append("the last record has no newline")
    for i, line in enumerate(data.splitlines()):
        if len(line) > RECORD_MAX:
            problems.append(f"line {i}: {len(line)} bytes")
        try:
            records.append(json.loads(line.decode("utf-8"), object_pairs_hook=unique_pairs))
        except ValueError as e:
            problems.append(f"line {i}: {e}: {line[:120]!r}")
    return records, problems


def empties(value, where):
    """Where null or "" stands, outside of content."""
    if value is None or value == "":
        yield where
    elif isinstance(value, dict):
        for k, v in value.items():
            if k not in CONTENT:
                yield from empties(v, f"{where}.{k}")
    elif isinstance(value, list):
        for v in value:
            yield from empties(v, where + "[]")


def form(records):
    """The rules that hold for every record."""
    problems = []
    if not records:
        return ["no records at all"]
    for i, r in enumerate(records):
        what = f"record {i} ({r.get('type')})"
        if r.get("seq") != i:
            problems.append(f"{what}: seq {r.get('seq')}")
        if r.get("v") != 1:
            problems.append(f"{what}: v {r.get('v')}")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", r.get("time", "")):
            problems.append(f"{what}: time {r.get('time')}")
        if r.get("type") not in FIELDS:
            problems.append(f"{what}: unknown type")
            continue
        order = (HEAD + " " + FIELDS[r["type"]]).split()
        keys = [k for k in r if k != "lossy"]
        if unknown := [k for k in keys if k not in order]:
            problems.append(f"{what}: fields not in the contract: {unknown}")
        elif keys != [k for k in order if k in r] or keys[:6] != HEAD.split():
            problems.append(f"{what}: order of keys: {keys}")
        problems += [f"{what}: empty {e}" for e in empties(r, "")]
        problems += [f"{what}: {e.json_path}: {e.message[:200]}" for e in SCHEMA.iter_errors(r)]
    return problems


def ident(x):
    return x.get("id") if isinstance(x, dict) else x


class Log:
    """Records, with the final ties looked up."""

    def __init__(self, records):
        self.records = records
        self.by = collections.defaultdict(list)
        for r in records:
            self.by[r["type"]].append(r)
        self.effect_seq = {r["seq"]: r for r in self.by["effect"]}
        self.final = {}  # seq of an effect -> (call, link, confidence): the call's record settles it
        for r in self.by["call"] + self.by["ties"]:
            for e in r.get("effects", []):
                for seq in e.get("seqs", []):
                    self.final[seq] = (r["call"], e.get("link"), e.get("confidence"))
        self.bodies = collections.defaultdict(list)
        for r in self.by["body"]:
            self.bodies[r["call"], r["what"]].append(r)

    def tie(self, effect):
        return self.final.get(effect["seq"], (effect.get("call"), effect.get("link"), effect.get("confidence")))

    def content(self, call, what):
        """args or result of a call, from its record or its body records; None if cut or missing."""
        parts = sorted(self.bodies[call["call"], what], key=lambda r: r["part"])
        if not parts:
            return call.get(what)
        if [r["part"] for r in parts] not in (list(range(parts[0]["of"])), list(range(1, parts[0]["of"] + 1))):
            raise ValueError(f"parts {[r['part'] for r in parts]} of {parts[0]['of']}")
        return json.loads("".join(r["text"] for r in parts))


def counts(log, truth):
    return [f"{len(log.by[t])} {t} records, expected {n}: {log.by[t][:2]}"
            for t, n in truth.demand.items()
            if n != "any" and (len(log.by[t]) < 1 if n == "some" else len(log.by[t]) != n)]


def servers(log, truth):
    """One `seen` for each real server; ret maps our index to the server's id."""
    problems, ids = [], {}
    seen = [r for r in log.by["server"] if r.get("event") == "seen"]
    taken = set()
    for i, s in enumerate(truth.servers):
        mine = [r for r in seen if s.is_record(r["server"]) and id(r) not in taken]
        if s.requests and not mine:
            problems.append(f"server {s.exe} {s.marks}: not seen")
            continue
        ids[i] = [ident(r["server"]) for r in mine]
        taken |= {id(r) for r in mine}
    if len(seen) != sum(1 for s in truth.servers if s.requests):
        what = [(r["server"].get("exe"), r["server"].get("argv")) for r in seen]
        problems.append(f"{len(seen)} servers seen, expected {len(truth.servers)}: {what}")
    return problems, ids


def pair(log, truth, ids):
    """Matches call records with requests: problems, and (server index, call index) -> call record."""
    problems, found = [], {}
    calls = [r for r in log.by["call"] if r.get("dir") == "c2s"]
    expected = sum(len(s.requests) for s in truth.servers)
    tools = [r for r in calls if r["method"] == "tools/call"]
    expected_tools = sum(len(s.calls) for s in truth.servers)
    if len(tools) != expected_tools:
        problems.append(f"{len(tools)} tools/call records, {expected_tools} calls made")
    if len(calls) != expected:
        problems.append(f"{len(calls)} call records, {expected} requests made")
    if len({r["call"] for r in calls}) != len(calls):
        problems.append("call ids are not unique")
    keys = collections.Counter((ident(r.get("server")), r.get("session"), r.get("rpc_id")) for r in calls)
    problems += [f"id {k} stands {n} times" for k, n in keys.items() if n > 1][:5]
    used = set()
    for i, s in enumerate(truth.servers):
        by_id = collections.defaultdict(list)
        for r in calls:
            if ident(r.get("server")) in ids.get(i, []):
                by_id[r.get("rpc_id")].append(r)
        for q in s.requests:
            r = next((r for r in by_id[q.rpc_id] if id(r) not in used), None)
            if r is None:
                problems.append(f"{q.method} {q.tool or ''} id {q.rpc_id} on server {i}: no record")
                continue
            used.add(id(r))
            problems += [f"id {q.rpc_id} {q.tool or q.method}: {p}" for p in one_call(log, r, q, truth, s.secrets)]
            if q.index is not None:
                found[i, q.index] = r
    return problems, found


def without(value, names):
    return {k: v for k, v in value.items() if k not in names} if isinstance(value, dict) else value


def one_call(log, r, q, truth, secrets=()):
    for name, want in (("method", q.method), ("tool", q.tool if q.method == "tools/call" else None),
                       ("status", q.status), ("transport", "stdio")):
        if r.get(name) != want:
            yield f"{name} {r.get(name)!r}, expected {want!r}"
    if "evidence" not in truth.demand and q.status != "no_response" and r.get("evidence") != "complete":
        yield f"evidence {r.get('evidence')!r}"
    if q.result_len is not None and r.get("result_bytes") not in (None, q.result_len):
        yield f"result_bytes {r['result_bytes']}, expected {q.result_len}"
    if q.arguments_len is not None and r.get("args_bytes") not in (None, q.arguments_len):
        yield f"args_bytes {r['args_bytes']}, expected {q.arguments_len}"
    for what, want, size in ("args", q.arguments, q.arguments_len), ("result", q.result, q.result_len):
        if want is None or size > (1 << 20) - 64 or q.method not in ("tools/call",):
            continue
        try:
            if without(got := log.content(r, what), secrets) != without(want, secrets):
                yield f"{what} {str(got)[:150]}, expected {str(want)[:150]}"
        except ValueError as e:
            yield f"{what}: {e}"
    if q.status != "no_response":
        if not r["begin"] <= r["end"] or r["elapsed_ms"] < 0:
            yield f"begin {r['begin']} end {r['end']} elapsed {r['elapsed_ms']}"
    if q.tool == "sleep" and r["elapsed_ms"] < q.arguments["ms"]:
        yield f"elapsed_ms {r['elapsed_ms']}, slept {q.arguments['ms']}"


def matches(want, effect):
    """Whether an effect record (or an entry of a call's effects) is the wanted one."""
    return (effect["kind"] == want.kind and fnmatch.fnmatchcase(effect.get("target", ""), want.target)
            and effect.get("result") == want.result
            and (want.target2 is None or fnmatch.fnmatchcase(effect.get("target2", ""), want.target2))
            and (want.mode is None or effect.get("mode") == want.mode))


def effects(log, truth, found):
    problems = []
    for i, s in enumerate(truth.servers):
        for n, call in enumerate(s.calls):
            r = found.get((i, n))
            own = [e for e in log.by["effect"] if r and log.tie(e)[0] == r["call"]]
            for want in call.effects:
                if any(matches(want, e) for e in own):
                    continue
                if truth.hostile and any(matches(want, e) and log.tie(e)[0] is None for e in log.by["effect"]):
                    continue
                if not truth.sequential and any(
                        matches(want, e) and log.tie(e)[1] == "shared" and r and r["call"] in e.get("candidates", [])
                        for e in log.by["effect"]):
                    continue
                near = [(e["seq"], e.get("target2") or e.get("mode"), e.get("result"), log.tie(e), e.get("why"))
                        for e in log.by["effect"]
                        if e["kind"] == want.kind and fnmatch.fnmatchcase(e.get("target", ""), want.target)]
                problems.append(f"call {n} {call.tool}: no effect {want}; near: {near[:3]}")
    problems += wrong_ties(log, truth, found)
    first = min((r["begin"] for r in log.by["call"] if "begin" in r), default="~")
    problems += [f"start-up effect {e['seq']} {e['kind']} {e.get('target')} is tied to {log.tie(e)[0]}"
                 for e in log.by["effect"] if e["time"] < first and log.tie(e)[0]][:5]
    for r in log.by["call"]:
        for e in r.get("effects", []):
            for seq in e.get("seqs", []):
                full = log.effect_seq.get(seq)
                if full is None or (full["kind"], full.get("target")) != (e["kind"], e.get("target")):
                    problems.append(f"call {r['call']} lists effect {seq} as {e['kind']} {e.get('target')}: it is {full}")
    return problems


def judge_ties(log, truth, found):
    """Effects that are tied to another call than the one whose path they touch; how many were looked at; whether one of the
    wrong ones claims to be certain."""
    problems, judged, certain = [], 0, False
    for i, s in enumerate(truth.servers):
        for e in log.by["effect"]:
            n = s.owner(e.get("target", ""))
            call, link, confidence = log.tie(e)
            if n is None or link not in TIED or (i, n) not in found:
                continue
            judged += 1
            if call != found[i, n]["call"]:
                certain |= confidence != "likely"
                problems.append(f"effect {e['seq']} {e['kind']} {e['target']} of call {n} is tied to {call} "
                                f"({link}, {confidence})")
    return problems, judged, certain


def wrong_ties(log, truth, found):
    return judge_ties(log, truth, found)[0]


def everything(data, truth):
    """All problems of one output file."""
    records, problems = parse(data)
    problems += form(records)
    if problems and not records:
        return problems
    log = Log(records)
    more, ids = servers(log, truth)
    problems += counts(log, truth) + more
    more, found = pair(log, truth, ids)
    problems += [f"the secret {name} stands in the records" for s in truth.servers
                 for name, secret in s.secrets.items() if secret.encode() in data]
    return problems + more + effects(log, truth, found)


def lossy(data, truth):
    """Problems of records made while events were lost: only what they claim counts; and the wrong ties as they were judged."""
    records, problems = parse(data)
    problems += form(records)
    log, found = Log(records), {}
    if not log.by["gap"]:
        problems.append("events were lost and there is no gap record")
    requests = {}
    for i, s in enumerate(truth.servers):
        for q in s.requests:
            requests.setdefault((q.rpc_id, q.method, q.tool if q.method == "tools/call" else None), []).append((i, q))
    for r in log.by["call"]:
        same = requests.get((r.get("rpc_id"), r.get("method"), r.get("tool")))
        if not same:
            problems.append(f"call {r.get('rpc_id')} {r.get('method')} {r.get('tool')} was never made")
        elif len(truth.servers) == 1:  # else which one of them it is may be lost
            (i, q), = same
            found[i, q.index] = r
            if r.get("evidence") == "complete":
                problems += [f"id {q.rpc_id}: {p}" for p in one_call(log, r, q, truth)]
    return problems, judge_ties(log, truth, found)


def raw(data, truth):
    """The raw messages must be an interleaving of what the clients' ends saw. Lines that are no messages
    may be left out."""
    queues = []
    if truth.hostile:
        want = sorted(line for s in truth.servers for lines in s.lines.values() for line in lines)
        return [] if sorted(data.split(b"\n")[:-1]) == want else ["the raw messages are not those of the client's end"]
    for s in truth.servers:
        for lines in s.lines.values():
            real = {line for line, _ in messages(lines)}
            queues.append((collections.deque(lines), real))
    for i, line in enumerate(data.split(b"\n")[:-1]):
        for q, real in queues:
            skip = next((n for n, x in enumerate(q) if x == line or x in real), None)
            if skip is not None and q[skip] == line:
                for _ in range(skip + 1):
                    q.popleft()
                break
        else:
            near = [bytes(q[0][:200]) for q, _ in queues if q]
            return [f"raw message {i} {line[:200]!r} ({len(line)} bytes) is none of the next ones: {near}"]
    left = [line for q, real in queues for line in q if line in real]
    return [f"raw: {len(left)} messages are missing, first {left[0][:100]!r}"] if left else []
