# SPDX-License-Identifier: Apache-2.0
"""Servers that do very much, name their files badly, or forge what their runtime says. What must hold of each:
mcpwatch's memory is bounded, what it lost is counted, no effect is tied to another call, its records are JSON
lines in UTF-8, and nothing it prints can steer a terminal."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import build, cases, check
from .truth import Effect, Server

MEMORY_MIB = 64
TIMEOUT = 540


class Watched:
    """One run under exec, its readable lines on a pipe."""

    def __init__(self, binary, d, argv):
        self.output, self.anon_kib = d / "records.jsonl", 0
        with open(d / "stdout", "wb") as out, open(d / "stderr", "wb") as err:
            self.process = subprocess.Popen([binary, "exec", "--state", "none", "--output", self.output, "--", *map(str, argv)],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
            looker = threading.Thread(target=self.look)
            looker.start()
            try:
                self.code = self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.code = self.process.wait()
            looker.join()
        self.data = self.output.read_bytes()
        self.printed = (d / "stderr").read_bytes()

    def look(self):
        while self.process.poll() is None:
            try:
                status = Path(f"/proc/{self.process.pid}/status").read_text()
                self.anon_kib = max(self.anon_kib, int(status.split("RssAnon:")[1].split()[0]))
            except (OSError, IndexError):
                pass
            time.sleep(0.01)


def unprintable(data, where):
    """Bytes that a terminal acts on: control characters, C1 in UTF-8, and what is not UTF-8."""
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        return [f"{where}: not UTF-8 at {e.start}: {data[max(0, e.start - 40):e.start + 20]!r}"]
    bad = next((i for i, c in enumerate(text) if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160), None)
    return [] if bad is None else [f"{where}: {text[max(0, bad - 40):bad + 20]!r}"]


def whole(data):
    """The records, and what is wrong with the file as such. All of the form is looked at in a sample."""
    records, problems = check.parse(data)
    problems += [f"record {i}: seq {r['seq']}" for i, r in enumerate(records) if r["seq"] != i][:3]
    return records, problems + check.form(records[:2000]) + [
        f"record of {len(line)} bytes" for line in data.split(b"\n") if len(line) > check.RECORD_MAX][:3]


def calls_of(log, truth):
    """(server index, call index) -> call record."""
    _, ids = check.servers(log, truth)
    return {(i, q.index): r for i, s in enumerate(truth.servers) for q in s.requests if q.index is not None
            for r in log.by["call"] if r.get("rpc_id") == q.rpc_id and check.ident(r.get("server")) in ids.get(i, [])}


def foreign(log, truth, found):
    """Effects that are tied to another server's call, or claimed on the kernel's word for the wrong one."""
    problems = []
    number = {r["call"]: key for key, r in found.items()}
    basis = {seq: e.get("basis") for r in log.by["call"] + log.by["ties"] for e in r.get("effects", []) for seq in e["seqs"]}
    for e in log.by["effect"]:
        owner = next(((i, n) for i, s in enumerate(truth.servers) if (n := s.owner(e.get("target", ""))) is not None), None)
        call, link, confidence = log.tie(e)
        if owner is None or call is None:
            continue
        to = number.get(call)
        if to is None or to[0] != owner[0]:
            problems.append(f"{e['kind']} {e['target']} of server {owner[0]} is tied to {call} of {to}")
        elif to != owner and basis.get(e["seq"], e.get("basis")) != "runtime":
            problems.append(f"{e['kind']} {e['target']} of {owner} is tied to {to} on the kernel's word ({link}, {confidence})")
    return problems


def counted(log, kind, prefix, wanted):
    """Effects of a kind that were recorded, or lie in a gap that says so."""
    got = sum(e.get("n", 1) for e in log.by["effect"] if e["kind"] == kind and e.get("result") == "ok"
              and e.get("target", "").rsplit("/", 1)[-1][6:].startswith(prefix))
    lost = sum(g.get("events", 0) for g in log.by["gap"])
    print(f"      {got} of {wanted} {kind}, {lost} events lost", file=sys.stderr)
    return [] if got == wanted or got + lost >= wanted else [f"{got} of {wanted} {kind}, and gaps of {lost} events"]


def two(d, argv, exe):
    """Two servers of one program, each with a folder of its own, which is its last argument."""
    folders = [d / f"s{i}" for i in range(2)]
    return [Server([*argv, str(folder)], exe, [str(folder)], folder) for folder in folders]


def watched(binary, d, servers, steps, demand=()):
    """Runs the client under exec: problems that no server may cause, and the log, truth and memory in MiB."""
    truth = cases.raw(d, servers, steps, demand={"gap": "any", "evidence": "any"} | dict(demand))
    w = Watched(binary, d, truth.argv)
    problems = [] if w.code == 0 else [f"exit status {w.code}: {w.printed[-300:]!r}"]
    problems += truth.load()
    records, more = whole(w.data)
    log = check.Log(records)
    problems += more + unprintable(w.printed, "exec said") + check.counts(log, truth)
    found = calls_of(log, truth)
    expected = sum(len(s.calls) for s in servers)
    problems += [f"{len(found)} calls recorded of {expected}"] if len(found) != expected else []
    return problems + foreign(log, truth, found)[:10], log, truth, found, w.anon_kib >> 10


def storm(plan, memory_mib=MEMORY_MIB, effects=(), **demand):
    """plan: the calls each of two servers gets at once, with equal ids: [(tool, arguments)]."""
    def run(binary, d):
        servers = two(d, [str(build.prepare("raw") / "storm")], "storm")
        steps = []
        for n, (tool, arguments) in enumerate(plan):
            for i, s in enumerate(servers):
                s.add(tool, arguments)
                steps.append(["send", i, cases.message(n + 1, "tools/call", name=tool, arguments=arguments)])
        steps += [["wait", i, len(plan) + 1] for i in range(2)]
        problems, log, truth, found, mib = watched(binary, d, servers, steps, demand)
        problems += check.wrong_ties(log, truth, found)[:10]
        if mib > memory_mib:
            problems.append(f"mcpwatch took {mib} MiB, bound {memory_mib}")
        said = f"{len(log.records)} records, RssAnon at most {mib} MiB, {len(log.by['gap'])} gaps"
        print(f"      {said}", file=sys.stderr)
        for kind, prefix, n in effects:
            problems += counted(log, kind, prefix, n)
        for verb in ["log"], ["show", next(iter(found.values()))["call"] if found else "none"]:
            p = subprocess.run([binary, *verb, "--log", d / "records.jsonl"], capture_output=True, timeout=180)
            problems += unprintable(p.stdout + p.stderr, verb[0])
            problems += [f"{verb[0]}: exit status {p.returncode}: {p.stderr[:200]!r}"] if p.returncode else []
        return problems
    return run


def forge(argv, exe):
    """Two servers that lie about which call they work for, eight calls of each open at once: what they do may be
    said to be another open call's of the same server, on the runtime's word; never more."""
    def run(binary, d):
        servers, steps, n = two(d, argv(), exe), [], 0
        for batch in range(0, cases.CALLS, 8):
            for n in range(batch, min(batch + 8, cases.CALLS)):
                for i, s in enumerate(servers):
                    victim = s.path("victim", "x")
                    s.add("work", {"n": n}, Effect("file.delete", victim))
                    steps.append(["send", i, cases.message(n + 1, "tools/call", name="work", arguments={"n": n})])
            steps += [["wait", i, n + 2] for i in range(2)]
        problems, log, _, _, _ = watched(binary, d, servers, steps)
        seen = {e["target"] for e in log.by["effect"] if e["kind"] == "file.delete" and e["result"] == "ok"}
        problems += [f"no {e.kind} of {e.target}" for s in servers for c in s.calls for e in c.effects if e.target not in seen]
        return problems
    return run


def forging_node():
    return ["env", f"LD_PRELOAD={build.prepare('raw')}/forge.so", "node", str(build.prepare("npm") / "forge_server.mjs")]


def forging_python():
    return [str(build.prepare("py") / "bin/python"), str(build.HERE / "py/forge_server.py")]


def much(tool, n):
    """n times in all, by two calls of each server."""
    return storm([(tool, {"n": n // 4})] * 2, effects=[("file.open", tool, n), ("file.delete", tool, n)])


def spare_pid():
    """A pid that nobody has, in the upper half, where the next ones do not come from for a while."""
    top = int(Path("/proc/sys/kernel/pid_max").read_text())
    return next(p for p in range(top - 100, 300, -1) if not Path(f"/proc/{p}").exists())


def pids(binary, d):
    """Children of two servers and of several calls at once, all with one pid, each for a moment."""
    pid = spare_pid()
    return storm([("pids", {"n": 25, "pid": pid})] * 4, effects=[("file.open", "pid", 200), ("file.delete", "pid", 200)],
                 gap=0)(binary, d)


def paths(binary, d):
    problems = storm([("paths", {"n": 0})] * 3, gap=0)(binary, d)
    log = check.Log([json.loads(line) for line in (d / "records.jsonl").read_bytes().splitlines()])
    deleted = [e for e in log.by["effect"] if e["kind"] == "file.delete" and "/c0000-" in e.get("target", "")]
    for what in "line\nfeed", "\x1b]0;owned\x07\x1b[2J\x1b[31mred", 'quote"back\\slash', "\u202egpj.exe", '{"v":1,"seq":0}':
        if not any(e["target"].endswith(f"/c0000-{what}") for e in deleted):
            problems.append(f"no file.delete of a name that ends in {what!r}")
    if not any("\ufffd" in e["target"] and e.get("lossy") for e in deleted):
        problems.append("the name that is not UTF-8 is not marked lossy")
    if not any(e["target"].endswith("x" * 20) for e in deleted):
        problems.append("no file.delete of a path of 4,095 bytes through dots")
    return problems


CASES = {
    "storm-forks": much("fork", 2000),
    "storm-opens": much("open", 100_000),
    "storm-pids": pids,
    "storm-paths": paths,
    "forge-go": forge(lambda: [str(build.prepare("go") / "forge")], "forge"),
    "forge-python": forge(forging_python, "python3.11"),
    "forge-node": forge(forging_node, "node"),
}
# with --long only
LONG = {
    "storm-forks-long": much("fork", 10_000),
    "storm-opens-long": much("open", 1_000_000),
}
