# SPDX-License-Identifier: Apache-2.0
"""HTTP that no sound peer speaks (raw/badhttp.py): memory stays bounded, it is said, and what is honest is
recorded all the same. Each case gets the binary and a folder and returns problems."""

import json
import subprocess
import sys
import time
from pathlib import Path

from . import build, check

RSS_MAX = 96 << 20  # RssAnon: beside the ring's mapping
TIMEOUT = 240

# What must stand in the records: "said": a gap or an anomaly, somewhere.
CASES_SAID = {
    "two-lengths": True, "different-lengths": True, "huge-length": True, "endless-head": True, "endless-field": True,
    "ids": True, "same-id": False, "nested": False, "websocket-lies": True, "gzip-bomb": True, "gzip-garbage": True,
    "sse-endless": True, "sse-cut": True, "chunk-lies": True, "long-answer": True,
}
CASES_SAID |= {f"fresh-{name}": True for name in ("different-lengths", "huge-length", "endless-head", "endless-field")}


def rss_anon(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    return 0


def case(name, said):
    def run(binary, d):
        records = d / "records.jsonl"
        argv = [binary, "exec", "--state", "none", "--quiet", "--output", records, "--", sys.executable, build.HERE / "raw/badhttp.py", name]
        p = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        peak, begin = 0, time.monotonic()
        while p.poll() is None:
            try:
                peak = max(peak, rss_anon(p.pid))
            except (OSError, IndexError):
                break
            if time.monotonic() - begin > TIMEOUT:
                p.kill()
                return [f"no end after {TIMEOUT} s"]
            time.sleep(0.01)
        err = p.stderr.read().decode(errors="replace")
        if p.wait():
            return [f"exit status {p.returncode}: {err[-400:]}"]
        parsed, problems = check.parse(records.read_bytes())
        log = check.Log(parsed)
        problems += check.form(parsed)
        print(f"      {name}: RssAnon at most {peak / (1 << 20):.1f} MiB; "
              + ", ".join(sorted({r["what"] for r in log.by["anomaly"]} | {"gap " + r["reason"] for r in log.by["gap"]})),
              file=sys.stderr, flush=True)
        if peak > RSS_MAX:
            problems.append(f"RssAnon {peak >> 20} MiB")
        if said and not log.by["gap"] and not log.by["anomaly"]:
            problems.append("neither a gap nor an anomaly is written")
        honest = [r for r in log.by["call"] if r.get("tool") == "honest"]
        for rpc_id in "123" if name.startswith("fresh-") else "1423":
            mine = [r for r in honest if r["rpc_id"] == rpc_id]
            if [(r["status"], r["transport"], r.get("http", {}).get("status")) for r in mine] != [("ok", "http", 200)]:
                problems.append(f"the honest call {rpc_id}: {json.dumps(mine)[:300]}")
        if [r for r in log.by["call"] if r.get("tool") == "smuggled" and r["status"] == "ok"]:
            problems.append("a smuggled request counts as answered")
        if name == "same-id" and [r["status"] for r in log.by["call"] if r.get("tool") == "twice"] != ["ok", "ok"]:
            problems.append(f"the two calls of one id: {[r for r in log.by['call'] if r.get('tool') == 'twice']}"[:400])
        if name == "nested" and len([r for r in log.by["call"] if r.get("tool") == "deep"]) != 2 \
                and not log.by["anomaly"] and not log.by["gap"]:
            problems.append("the deep calls are neither recorded nor said to be missing")
        return problems
    return run


CASES = {f"badhttp-{name}": case(name, said) for name, said in CASES_SAID.items()}
