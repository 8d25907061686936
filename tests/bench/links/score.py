# SPDX-License-Identifier: Apache-2.0
"""Holds the records of a run against its truth.

An effect's final tie is what its call's record says of it (effects[].seqs, or ties), else what its own record
says. One effect of the truth may have several records (a program found at the third place of PATH): then its
worst counts.
"""

import collections
import dataclasses
import json

import plan

# from the worst to the best
STATES = ["wrong_certain", "wrong_likely", "none", "shared_without", "shared_with", "likely", "certain"]


@dataclasses.dataclass
class Score:
    effects: int = 0  # of the truth
    seen: int = 0
    states: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # of those seen
    decoyed: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # of them, those a decoy names
    links: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # (link, confidence, basis, right)
    more: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # other records on the calls' targets
    background: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    likely_all: int = 0  # every record tied as likely
    wrong_likely_all: int = 0  # of them, to a call that did not do it
    wrong_certain_all: int = 0
    gaps: int = 0
    unseen: list = dataclasses.field(default_factory=list)
    wrong: list = dataclasses.field(default_factory=list)  # evidence: (state, whose, record, final)
    undecided: list = dataclasses.field(default_factory=list)  # likewise

    @property
    def decided(self):
        return self.states["likely"] + self.states["certain"]

    @property
    def bad(self):
        return len(self.unseen) + self.wrong_certain_all

    def add(self, other):
        for f in dataclasses.fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))


@dataclasses.dataclass
class Tie:
    call: object
    link: str
    confidence: str
    basis: str
    candidates: list
    why: str


class Ties:
    """The final tie of each effect record."""

    def __init__(self, records):
        self.settled = {}
        self.number = {r["call"]: r["rpc_id"] for r in records if r["type"] == "call" and r.get("method") == "tools/call"}
        for r in records:
            if r["type"] in ("call", "ties"):
                for e in r.get("effects", []):
                    for seq in e.get("seqs", []):
                        self.settled.setdefault(seq, []).append((r["call"], e))

    def number_of(self, call):
        """Which planned call a call's id is; the id itself if none."""
        raw = self.number.get(call)
        return int(raw) if raw and raw.isdigit() else call

    def of(self, effect):
        """Every final tie: more than one if two calls' records claim it."""
        candidates = [self.number_of(c) for c in effect.get("candidates", [])]
        claims = self.settled.get(effect["seq"]) or [(effect.get("call"), effect)]
        return [Tie(self.number_of(call), e.get("link", "none"), e.get("confidence", "none"), e.get("basis", ""),
                    candidates, e.get("why", "")) for call, e in claims]


def state_of(tie, number):
    if tie.confidence in ("certain", "likely"):
        return tie.confidence if tie.call == number else f"wrong_{tie.confidence}"
    if tie.link == "shared":
        return "shared_with" if number in tie.candidates else "shared_without"
    return "none"


def score(run):
    s, pids, ties = Score(), {}, Ties(run.records)
    found = {}  # (call number, what, kind) -> worst state
    s.gaps = sum(r["type"] == "gap" for r in run.records)
    for r in run.records:
        if r["type"] != "effect":
            continue
        whose, what = run.plan.whose(r, pids)
        if whose is None:
            continue
        for tie in ties.of(r):
            state = state_of(tie, whose)
            s.likely_all += tie.confidence == "likely"
            s.wrong_likely_all += state == "wrong_likely"
            s.wrong_certain_all += state == "wrong_certain"
            if state.startswith("wrong"):
                s.wrong.append((state, whose, r, dataclasses.asdict(tie)))
            elif state not in ("certain", "likely") and whose != plan.BACKGROUND:
                s.undecided.append((state, whose, r, dataclasses.asdict(tie)))
            if whose == plan.BACKGROUND:
                s.background["wrong" if state.startswith("wrong") else "shared" if tie.link == "shared" else "none"] += 1
                continue
            key = whose, what, r["kind"]
            if (what, r["kind"]) in run.plan.effects:
                s.links[tie.link, tie.confidence, tie.basis, not state.startswith("wrong")] += 1
                if r["kind"] != "proc.exec" or r.get("result") == "ok":
                    found[key] = min(found.get(key, state), state, key=STATES.index)
            else:
                s.more[r["kind"], state] += 1
    for call in run.plan.calls:
        for what, kind in run.plan.effects:
            s.effects += 1
            state = found.get((call.number, what, kind))
            if state is None:
                s.unseen.append((call.number, what, kind, call.targets[what]))
            else:
                s.seen += 1
                s.states[state] += 1
                s.decoyed[state] += (call.number, what) in run.plan.decoyed
    return s


def evidence(run, found, n=3):
    """What is known of the first n of some ties: the final one, and the records around the effect's."""
    at = {r["seq"]: i for i, r in enumerate(run.records)}
    number = Ties(run.records).number_of
    for state, whose, r, tie in found[:n]:
        yield f"{state}: of {whose}, tied to {tie['call']} ({tie['link']}, {tie['basis']}: {tie['why']})"
        for near in run.records[max(0, at[r["seq"]] - 4):at[r["seq"]] + 3]:
            yield f"  {'->' if near is r else '  '} {brief(near, number)}"


def brief(r, number):
    """A record in a line: what it is, who did it, how it was tied when it was written."""
    line = f"{r['seq']:6} {r['time'][14:26]} {r['type']}"
    if r["type"] == "effect":
        line += f" {r['kind']} {r.get('target', '')[-60:]} {r.get('result', '')} pid {r.get('pid')} tid {r.get('tid')}"
        line += f": {number(r['call']) if 'call' in r else ''} {r['link']} {r['confidence']} {r.get('basis', '')}"
        line += f" {[number(c) for c in r.get('candidates', [])] or ''}: {r.get('why', '')}"
    elif r["type"] in ("call", "request"):
        line += f" {r['method']} id {r['rpc_id']} {r.get('begin', '')[14:26]}-{r.get('end', '')[14:26]}"
    return line
