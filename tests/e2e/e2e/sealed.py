# SPDX-License-Identifier: Apache-2.0
"""The sealed log of a real run: what tools do to it, a kill from inside a tool call, the keys. Each case gets the
binary and a folder and returns problems."""

import json
import os
import stat
import subprocess
import sys

from . import check

WAIT = 180
PYTHON = sys.executable

# One line in, one line out. What a tool does is the code in its arguments.
SERVER = """
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if "id" not in m:
        continue
    r = {"content": []}
    if m["method"] == "initialize":
        r = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
    elif m["method"] == "tools/call":
        exec(m["params"]["arguments"]["code"])
    print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}), flush=True)
"""
CLIENT = """
import json, subprocess, sys
p = subprocess.Popen([sys.executable, sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
def ask(i, method, params):
    p.stdin.write(json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}) + "\\n")
    p.stdin.flush()
    return p.stdout.readline()
ask(0, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}})
for i, code in enumerate(sys.argv[2:], 1):
    ask(i, "tools/call", {"name": "do", "arguments": {"code": code}})
"""


def run(binary, d, *codes, timeout=WAIT):
    (d / "server.py").write_text(SERVER)
    (d / "client.py").write_text(CLIENT)
    return subprocess.run([binary, "exec", "--state", "none", "--quiet", "--log", d / "log", "--keys", d / "keys", "--", PYTHON,
                           d / "client.py", d / "server.py", *codes], capture_output=True, timeout=timeout)


def records(d):
    data = b"".join(f.read_bytes() for f in sorted((d / "log/seg").iterdir()))
    return check.parse(data)


def sealed_to(d):
    """How many records the last checkpoint is over."""
    return int((d / "log/checkpoint").read_text().split("\n")[1])


# the daemon is the client's parent
DAEMON = "int(open('/proc/%d/stat' % __import__('os').getppid()).read().rsplit(')', 1)[1].split()[1])"


def own(binary, d):
    """A tool's actions on the log, the daemon and its BPF objects are effects like all others."""
    log = d / "log"
    p = run(binary, d,
            f"open('{log}/seals.jsonl', 'r+').close()",
            f"__import__('os').rename('{log}/vkeys', '{log}/vkeys2'); __import__('os').rename('{log}/vkeys2', '{log}/vkeys')",
            f"__import__('os').kill({DAEMON}, 18)",
            "__import__('ctypes').CDLL(None).syscall(321, 12, bytes(120), 120)")
    problems = [] if p.returncode == 0 else [f"exit status {p.returncode}: {p.stderr}"]
    recs, more = records(d)
    problems += more + check.form(recs)
    calls = {r["rpc_id"]: r for r in recs if r["type"] == "call" and r["method"] == "tools/call"}

    def did(i, kind, target):
        effects = calls[str(i)].get("effects", [])
        if not any(e["kind"] == kind and target in e.get("target", "") for e in effects):
            problems.append(f"call {i}: no {kind} of {target}: {effects}")

    did(1, "file.open", f"{log}/seals.jsonl")
    did(2, "file.rename", f"{log}/vkeys")
    did(3, "proc.kill", "")
    did(4, "kernel.bpf", "")
    if sealed_to(d) != len(recs):
        problems.append(f"{len(recs)} records, the last checkpoint is over {sealed_to(d)}")
    for path in [*log.rglob("*"), *(d / "keys").rglob("*"), log, d / "keys"]:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) != (0o700 if stat.S_ISDIR(mode) else 0o600):
            problems.append(f"{path} has mode {stat.S_IMODE(mode):o}")
    return problems


def lost(binary, d):
    """kill -9 from inside a tool call: its request is in the log, the next start closes it and seals all. What the
    kernel has told and the daemon has not read yet dies with it: so not before it is there."""
    there = f"""any('"request"' in line and '"rpc_id":"2"' in line for f in glob.glob('{d}/log/seg/*') for line in open(f))"""
    p = run(binary, d, "pass", f"import glob, os, time\nfor i in range(600):\n if {there}: break\n time.sleep(0.05)\n"
            f"os.kill({DAEMON}, 9)\ntime.sleep(1)")
    problems = [] if p.returncode == -9 else [f"exit status {p.returncode}"]
    before, more = records(d)
    asked = [r for r in before if r["type"] == "request" and r["rpc_id"] == "2"]
    if len(asked) != 1 or "kill" not in asked[0]["args"]["code"] or "principal" not in asked[0]:
        return [f"the request is not in the log: {asked}"]
    p = subprocess.run([binary, "exec", "--state", "none", "--quiet", "--log", d / "log", "--keys", d / "keys", "--", "/bin/true"],
                       capture_output=True, timeout=WAIT)
    recs, more = records(d)
    problems += more + check.form(recs)
    if p.returncode != 0 or recs[:len(before)] != before:
        problems.append(f"the next start: exit status {p.returncode}, {p.stderr}")
    closed = [r for r in recs if r["type"] == "call" and r["call"] == asked[0]["call"]]
    if [r["status"] for r in closed] != ["lost"]:
        problems.append(f"the call's records: {closed}")
    if sealed_to(d) != len(recs):
        problems.append(f"{len(recs)} records, the last checkpoint is over {sealed_to(d)}")
    return problems


def init(binary, d):
    """init prints the same keys again, also beside a writer; what is wrong with a key is one line and changes nothing."""
    args = [binary, "init", "--log", d / "log", "--keys", d / "keys"]

    def ask(*more):
        return subprocess.run([*args, *more], capture_output=True, text=True, timeout=WAIT)

    first, again = ask("--json"), ask("--json")
    problems = [] if first.returncode == 0 and first.stdout == again.stdout else [f"{first}, then {again}"]
    said = json.loads(first.stdout)
    if [k.split("+")[0] for k in said["vkeys"]] != [said["origin"], said["origin"] + "/fs/0"]:
        problems.append(f"names of the keys: {said}")
    if "\n".join(said["vkeys"]) not in ask().stdout:
        problems.append("without --json it prints something else")
    key = d / "keys/identity.key"
    seed = key.read_bytes()
    for wrong, what in (lambda: key.write_bytes(seed[:31]), "31 bytes"), (lambda: os.chmod(key, 0o644), "mode 0644"):
        wrong()
        was = key.read_bytes()
        for p in ask(), run(binary, d, "pass"):
            err = p.stderr if isinstance(p.stderr, str) else p.stderr.decode()
            if p.returncode != 1 or what not in err or err.count("\n") != 1 or key.read_bytes() != was:
                problems.append(f"a key with {what}: {p}")
        key.write_bytes(seed)
        os.chmod(key, 0o600)
    p = run(binary, d, "pass")
    return problems + ([] if p.returncode == 0 else [f"with its keys again: {p}"])


def args(binary, d):
    """`log --args-match`: calls by the exact bytes of their arguments, with the key and not without."""
    problems = []
    p = run(binary, d, "1", "2", "1")
    if p.returncode:
        return [f"exit status {p.returncode}: {p.stderr}"]

    def matches(text, keys=d / "keys"):
        (d / "args").write_bytes(text)
        p = subprocess.run([binary, "log", "--json", "--log", d / "log", "--args-match", d / "args", "--keys", keys],
                           capture_output=True, timeout=WAIT)
        return p.returncode, [json.loads(line)["rpc_id"] for line in p.stdout.splitlines()]

    for text, want in ((b'{"code": "1"}', ["1", "3"]), (b'{"code": "2"}\n', ["2"]), (b'{"code":"1"}', []),
                       (b'{"code": "1"}\n\n', []), (b"", [])):
        if matches(text) != (0, want):
            problems.append(f"{text}: {matches(text)}, wanted {want}")
    if matches(b"x", d / "other") != (1, []) or (d / "other").exists():
        problems.append("without the key: no error, or a new key")
    return problems


CASES = {"sealed-args": args, "sealed-own": own, "sealed-lost": lost, "sealed-init": init}
