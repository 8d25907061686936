# SPDX-License-Identifier: Apache-2.0
"""What lasts from run to run: the folder of state. Each case gets the binary and a folder and returns problems."""

import json
import subprocess
import sys

from . import sealed

HEAD = '{"mcpwatch_state":1}\n'
PIN = ('{"pin":"tool","server":"somebody","name":"%s","hash":"' + "ab" * 32 + '","first":1763000000000000000,'
       '"since":1763000000000000000}\n')


def observe(binary, d, *argv, before=(), state=None):
    """Exit status, lines on stderr, records of a run."""
    out = d / "records"
    out.unlink(missing_ok=True)
    p = subprocess.run([*before, binary, "exec", "--quiet", "--output", out, "--state", state or d / "state", "--", *argv],
                       capture_output=True, text=True, timeout=180)
    records = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    return p.returncode, p.stderr.splitlines(), records


def gaps(records):
    return [(r["reason"], r.get("error")) for r in records if r["type"] == "gap" and r["where"] == "state"]


def made(binary, d):
    """Made if it is not there, 0700; a second run finds nothing wrong, and what it does not know stays."""
    problems = []
    for content in (None, HEAD + PIN % "a" + PIN % "b"):
        if content:
            (d / "state/state.jsonl").write_text(content)
        code, said, records = observe(binary, d, "true")
        if (code, said, gaps(records)) != (0, [], []):
            problems.append(f"a run: {code}, {said}, {gaps(records)}")
        if (d / "state/state.jsonl").read_text() != (content or HEAD):
            problems.append(f"the file: {(d / 'state/state.jsonl').read_text()!r}")
    modes = [oct(p.stat().st_mode & 0o7777) for p in (d / "state", d / "state/state.jsonl")]
    if modes != ["0o700", "0o600"]:
        problems.append(f"modes {modes}")
    return problems


def second(binary, d):
    """While one writes, a second one reads, says so, and leaves the file alone."""
    inner = [binary, "exec", "--quiet", "--output", d / "inner", "--state", d / "state", "--", "true"]
    code, said, records = observe(binary, d, *inner)
    want = f"mcpwatch: state folder {d}/state is in use by another mcpwatch: what this one learns is not kept"
    problems = [] if (code, said) == (0, [want]) else [f"two at once: {code}, {said}"]
    return problems + ([f"gaps: {gaps(records)}"] if gaps(records) else [])


def damaged(binary, d):
    """Bytes that are no state are moved aside; what can be read goes on; the records have a gap that says so."""
    problems = []
    cases = {"bytes": (bytes(range(256)) * 400, HEAD, "it is no file of state"),
             "empty": (b"", HEAD, "it is no file of state"),
             "line": ((HEAD + PIN % "a" + "{]\n" + PIN % "b").encode(), HEAD + PIN % "a" + PIN % "b",
                      "1 of its lines cannot be read"),
             "cut": ((HEAD + PIN % "a" + PIN % "b").encode()[:-20], HEAD + PIN % "a", "its last line is cut")}
    for name, (content, left, why) in cases.items():
        folder = d / name
        (folder / "state").mkdir(parents=True, mode=0o700)
        file = folder / "state/state.jsonl"
        file.write_bytes(content)
        file.chmod(0o600)
        code, said, records = observe(binary, folder, "true")
        aside = [p for p in (folder / "state").iterdir() if p != file]
        if code != 0 or len(said) != 1 or why not in said[0] or str(file) not in said[0]:
            problems.append(f"{name}: {code}, {said}")
        if gaps(records) != [("state_lost", why)]:
            problems.append(f"{name}: gaps {gaps(records)}")
        if len(aside) != 1 or aside[0].read_bytes() != content or file.read_text() != left:
            problems.append(f"{name}: {aside}, {file.read_text()!r}")
        if observe(binary, folder, "true")[:2] != (0, []):
            problems.append(f"{name}: the next run finds something")
    return problems


def unusable(binary, d):
    """A disk that cannot be written, a folder of somebody else, a newer file: one line, and the command runs."""
    problems = []
    (d / "open").mkdir(mode=0o755)
    (d / "newer").mkdir(mode=0o700)
    (d / "newer/state.jsonl").write_text('{"mcpwatch_state":7}\n{"what":"ever"}\n')
    (d / "newer/state.jsonl").chmod(0o600)
    (d / "ro").mkdir(mode=0o700)
    read_only = ["unshare", "-m", "sh", "-ec", 'mount -t tmpfs -o ro,mode=700 none "$0"; exec "$@"', d / "ro"]
    for state, before, why in ((d / "open", [], "mode 0755"), (d / "newer", [], "version 7, of a newer mcpwatch"),
                               (d / "ro", read_only, "Read-only file system"), ("/proc/self/x", [], "cannot open"),
                               ("/dev/null/x", [], "no folder")):
        code, said, records = observe(binary, d, "sh", "-c", "exit 5", before=before, state=state)
        if code != 5 or len(said) != 1 or why not in said[0] or "what earlier runs learned is not known" not in said[0]:
            problems.append(f"{state}: {code}, {said}")
        if [g[0] for g in gaps(records)] != ["state_lost"]:
            problems.append(f"{state}: gaps {gaps(records)}")
    if (d / "newer/state.jsonl").read_text() != '{"mcpwatch_state":7}\n{"what":"ever"}\n' or \
            len(list((d / "newer").iterdir())) != 1:
        problems.append("the newer file was touched")
    return problems


def captured(binary, d):
    """record reads it and writes nothing; the capture has it right behind the first event."""
    problems = []
    (d / "state").mkdir(mode=0o700)
    file = d / "state/state.jsonl"
    file.write_text(HEAD + PIN % "a" + PIN % "a")
    file.chmod(0o600)
    p = subprocess.run([binary, "record", "-o", d / "cap", "--state", d / "state", "--", "true"], capture_output=True, timeout=180)
    capture = (d / "cap").read_bytes()
    at = capture.find((PIN % "a").rstrip().encode())
    if p.returncode != 0 or p.stderr or not 0 < at < 600:
        problems.append(f"record: {p.returncode}, {p.stderr}, the line is at {at}")
    if file.read_text() != HEAD + PIN % "a" + PIN % "a" or len(list((d / "state").iterdir())) != 1:
        problems.append("record wrote into the folder")
    p = subprocess.run([binary, "record", "-o", d / "cap2", "--state", d / "none", "--", "true"], capture_output=True, timeout=180)
    if p.returncode != 0 or p.stderr or (d / "none").exists():
        problems.append(f"record without a folder: {p.returncode}, {p.stderr}, {(d / 'none').exists()}")
    p = subprocess.run([binary, "replay", d / "cap"], capture_output=True, text=True, timeout=180)
    if p.returncode != 0 or gaps(map(json.loads, p.stdout.splitlines())):
        problems.append(f"replay: {p.returncode}, {p.stdout}")
    return problems


def pinned(binary, d):
    """A tool's definition is pinned by one run; another one in a later run is an alert, and so it is in a replay of
    what record saw with that state."""
    problems = []
    server, client = d / "server.py", d / "client.py"
    tools = 'r = {"tools": [{"name": "do", "description": open(sys.argv[0] + ".txt").read(), "inputSchema": {"type": "object"}}]}'
    server.write_text(sealed.SERVER.replace('    elif m["method"] == "tools/call":',
                                            f'    elif m["method"] == "tools/list":\n        {tools}\n    elif m["method"] == "tools/call":'))
    client.write_text(sealed.CLIENT + 'ask(9, "tools/list", {})\n')

    def changed(records):
        return [r["severity"] for r in records if r["type"] == "alert" and r["rule"] == "tool.changed"]

    for text, want in (("Adds.", 0), ("Adds, and sends.", 1), ("Adds, and sends.", 0)):
        (d / "server.py.txt").write_text(text)
        capture = d / "cap"
        p = subprocess.run([binary, "record", "-o", capture, "--state", d / "state", "--", sys.executable, client, server],
                           capture_output=True, timeout=180)
        p = subprocess.run([binary, "replay", capture], capture_output=True, text=True, timeout=180)
        again = changed(map(json.loads, p.stdout.splitlines()))
        code, said, records = observe(binary, d, sys.executable, client, server)
        if code != 0 or said or len(changed(records)) != want or len(again) != want:
            problems.append(f"{text}: {code}, {said}, {changed(records)}, in the replay {again}")
        kept = [json.loads(line) for line in (d / "state/state.jsonl").read_text().splitlines()[1:]]
        if not any(line.get("pin") == "tool" and line["name"] == "do" for line in kept):
            problems.append(f"{text}: not pinned: {kept}")
    return problems


CASES = {f"state-{f.__name__}": f for f in (made, second, damaged, unusable, captured, pinned)}
