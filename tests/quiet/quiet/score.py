# SPDX-License-Identifier: Apache-2.0
"""What the records of a case say: calls, and alerts by rule and severity."""

import collections
import dataclasses
import json

ABOVE_LOW = ("medium", "high", "critical")
LOW_PER_1000 = 5


@dataclasses.dataclass
class Score:
    calls: int = 0
    alerts: list = dataclasses.field(default_factory=list)  # (alert, [records of what stands behind it])

    def low(self):
        return [a for a, _ in self.alerts if a["severity"] == "low"]

    def above(self):
        return [(a, behind) for a, behind in self.alerts if a["severity"] in ABOVE_LOW]


def of(outputs):
    """The score of the runs whose records are in these files."""
    score = Score()
    for output in outputs:
        records = [json.loads(line) for line in output.read_text().splitlines()]
        by_seq = {r["seq"]: r for r in records}
        calls = {r["call"]: r for r in records if r["type"] == "call"}
        score.calls += sum(r.get("method") == "tools/call" and r.get("dir") == "c2s" for r in calls.values())
        for a in (r for r in records if r["type"] == "alert"):
            score.alerts.append((a, [by_seq[s] for s in a.get("effects", []) if s in by_seq] +
                                 [calls[c] for c in a.get("calls", []) if c in calls]))
    return score


def why(alert, behind):
    """One line: the rule, its target, the tie and its reason."""
    effect = next((r for r in behind if r["type"] == "effect"), {})
    call = next((r for r in behind if r["type"] == "call"), {})
    tie = " ".join(str(effect[k]) for k in ("kind", "target", "link", "confidence", "why") if k in effect)
    said = alert.get("detail") or alert.get("title", "")
    parts = [f"targets {alert['targets']}" if "targets" in alert else "", str(said), tie,
             f"args {json.dumps(call.get('args'))[:200]}" if call.get("args") else ""]
    return (f"{alert['rule']} {alert['severity']} {alert.get('tool') or call.get('tool') or ''}: " + " | ".join(p for p in parts if p))[:700]


def table(scores):
    """The closing table, as lines."""
    calls = sum(s.calls for s in scores.values())
    rules = collections.defaultdict(collections.Counter)
    places = collections.defaultdict(set)
    for name, s in scores.items():
        for a, _ in s.alerts:
            rules[a["rule"]][a["severity"]] += 1
            places[a["rule"]].add(name)
    lines = [f"{'rule':24} {'low':>5} {'medium':>7} {'high':>5} {'critical':>9}  cases"]
    for rule, n in sorted(rules.items()):
        lines.append(f"{rule:24} {n['low']:5} {n['medium']:7} {n['high']:5} {n['critical']:9}  {' '.join(sorted(places[rule]))}")
    low, above = sum(len(s.low()) for s in scores.values()), sum(len(s.above()) for s in scores.values())
    per = 1000 / max(calls, 1)
    lines += [f"{calls} calls, {low} alerts low ({low * per:.2f} per 1,000, at most {LOW_PER_1000}), "
              f"{above} above low ({above * per:.2f} per 1,000, at most 0)"]
    return lines, low * per <= LOW_PER_1000, above == 0
