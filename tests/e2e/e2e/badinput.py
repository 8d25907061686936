# SPDX-License-Identifier: Apache-2.0
"""Wrong use, wrong files, wrong ends. Each case gets the binary and a folder and returns problems."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import cases
from .host import WAIT, eventually

VERBS = ["exec", "run", "init", "log", "show", "index", "servers", "tools", "timeline", "bundle", "verify", "compare", "export", "record",
         "replay", "rules", "status", "metrics", "top", "doctor", "version"]


def run(argv, stdin=b"", timeout=180):
    return subprocess.run(list(map(str, argv)), input=stdin, capture_output=True, timeout=timeout)


def expect(argv, codes, says=(), one_line=True):
    """Runs argv; its exit status must be one of codes, and what it says one line that names all of says."""
    try:
        p = run(argv)
    except subprocess.TimeoutExpired:
        return [f"{shown(argv)}: no end after 60 s"]
    codes = [codes] if isinstance(codes, int) else codes
    text = p.stderr.decode(errors="replace")
    problems = []
    if p.returncode not in codes:
        problems.append(f"exit status {p.returncode}, expected {' or '.join(map(str, codes))}")
    if p.returncode and one_line and len(text.splitlines()) != 1:
        problems.append("stderr is not one line")
    problems += [f"stderr does not name {w!r}" for w in says if not re.search(w, text)]
    return [f"{shown(argv)}: {'; '.join(problems)}: {text[:300]!r}"] if problems else []


def shown(argv):
    return " ".join(str(a).rsplit("/", 1)[-1] for a in argv)[:120]


def no_root(binary, d):
    d.chmod(0o755)
    own = shutil.copy(binary, d / "mcpwatch")
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    return (expect([*nobody, own, "exec", "--", "true"], 1, ["root"])
            + expect([*nobody, own, "record", "-o", "/dev/null", "--", "true"], 1, ["root"])
            + expect([*nobody, own, "version"], 0))


def wrong_usage(binary, d):
    problems = expect([binary], 2, one_line=False) + expect([binary, "nonsense"], 2, ["nonsense"], one_line=False)
    for verb in VERBS:
        problems += expect([binary, verb, "--nonsense"], 2, ["nonsense"], one_line=False)
        problems += expect([binary, verb, "--help"], 0)
    for argv in (["exec"], ["exec", "--"], ["exec", "--output"], ["record"], ["record", "--", "true"], ["replay"],
                 ["show"], ["version", "surplus"]):
        problems += expect([binary, *argv], 2, one_line=False)
    return problems


def not_runnable(binary, d):
    plain, folder, script = d / "plain", d / "folder", d / "script"
    plain.write_text("no program\n")
    folder.mkdir()
    script.write_text("#!/nonexistent/interpreter\n")
    script.chmod(0o755)
    run_ = [binary, "exec", "--state", "none", "--quiet", "--output", d / "records", "--"]
    return (expect([*run_, "/nonexistent/program"], 127, ["/nonexistent/program"])
            + expect([*run_, "no-such-program-anywhere"], 127, ["no-such-program-anywhere"])
            + expect([*run_, plain], 126, ["plain"]) + expect([*run_, folder], 126, ["folder"])
            + expect([*run_, script], [126, 127], ["script"]))


def exit_status(binary, d):
    problems = []
    for verb in ["exec", "--quiet", "--output"], ["record", "-o"]:
        head = [binary, *verb, d / "out", "--", "sh", "-c"]
        for code in 0, 1, 2, 42, 126, 127, 255:
            problems += expect([*head, f"exit {code}"], code, one_line=False)
        for sig in signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV:
            problems += expect([*head, f"ulimit -c 0; kill -{sig.value} $$"], [128 + sig, -sig], one_line=False)
    return problems


def stdio_untouched(binary, d):
    data = random.Random(1).randbytes(3 << 20)
    p = run([binary, "exec", "--state", "none", "--output", d / "out", "--", "sh", "-c", "cat; echo said >&2"], stdin=data)
    problems = [] if p.stdout == data else [f"{len(p.stdout)} bytes came through cat, or other ones: {p.stdout[:80]!r}"]
    return problems + ([] if b"said\n" in p.stderr else ["stderr of the command is lost"])


def forwarded_signal(binary, d):
    """SIGTERM to mcpwatch ends the command, and nothing of it stays."""
    flag = d / "flag"
    p = subprocess.Popen([binary, "exec", "--state", "none", "--quiet", "--output", d / "out", "--", "sh", "-c",
                          f"trap 'exit 7' TERM; echo $$ >'{flag}'; while :; do sleep 0.1; done"], stderr=subprocess.PIPE)
    eventually(lambda: flag.exists() and flag.read_text().endswith("\n"))
    p.send_signal(signal.SIGTERM)
    try:
        code = p.wait(WAIT)
    except subprocess.TimeoutExpired:
        p.kill()
        code = f"none after {WAIT} s"
    child = int(flag.read_text()) if flag.exists() else None
    problems = [] if code in (7, 143, -15) else [f"exit status {code} after SIGTERM"]
    if child and os.path.exists(f"/proc/{child}"):
        os.kill(child, signal.SIGKILL)
        problems.append("the command is still running after mcpwatch ended")
    return problems


def capture(binary, d):
    """A small capture of a real run."""
    truth = cases.CASES["raw-plain"](d)
    file = d / "whole.mwcap"
    p = run([binary, "record", "--state", "none", "-o", file, "--", *truth.argv])
    if p.returncode or not file.exists():
        raise RuntimeError(f"record: exit status {p.returncode}: {p.stderr[-300:]!r}")
    return file.read_bytes()


def capture_cut(binary, d):
    whole, file = capture(binary, d), d / "cut.mwcap"
    pick = random.Random(23)
    places = sorted({*range(0, 90, 4), *(pick.randrange(len(whole)) for _ in range(60)), len(whole) - 1,
                     len(whole) - 8, *event_ends(whole)[:40], *event_ends(whole)[-6:-1]})
    problems = []
    for n in places:
        file.write_bytes(whole[:n])
        problems += [f"cut at {n} of {len(whole)}: {p}" for p in
                     expect([binary, "replay", file, "--output", d / "cut.jsonl"], 1, ["cut.mwcap", r"\d"])]
    return problems


def event_ends(whole):
    """Offsets at which an event of the capture ends."""
    at, ends = 16, []
    while at < len(whole):
        at += int.from_bytes(whole[at:at + 4], "little")
        ends.append(at)
    return ends


def capture_damaged(binary, d):
    """Any byte may be wrong: never a crash, never a hang, records stay well-formed."""
    whole, file, out = capture(binary, d), d / "damaged.mwcap", d / "damaged.jsonl"
    pick, problems = random.Random(29), []
    for i in range(150):
        damaged = bytearray(whole)
        for _ in range(1 + i % 3):
            damaged[pick.randrange(len(damaged))] ^= 1 << pick.randrange(8)
        file.write_bytes(damaged)
        problems += [f"damage {i}: {p}" for p in
                     expect([binary, "replay", file, "--output", out], [0, 1], one_line=False)]
        if out.exists():
            for line in out.read_bytes().splitlines():
                json.loads(line.decode())
            out.unlink()
    return problems


def capture_none(binary, d):
    whole = capture(binary, d)
    newer = bytearray(whole)
    newer[8:12] = (999).to_bytes(4, "little")
    for name, data in {"empty": b"", "text": b"hello\n" * 1000, "binary": random.Random(3).randbytes(100_000),
                       "newer": bytes(newer), "doubled": whole + whole}.items():
        (d / name).write_bytes(data)
    problems = []
    for name in "empty", "text", "binary", "newer", "doubled", "nonexistent", "s0":  # s0 is a folder
        problems += expect([binary, "replay", d / name, "--output", d / "o"], 1, [name])
    return problems + expect([binary, "replay", "/dev/null", "--output", d / "o"], 1, ["/dev/null"])


def outputs(binary, d):
    """Where the records cannot go."""
    flag, file = d / "flag", d / "file"
    file.write_text("a file\n")
    touch = ["--", "touch", flag]
    problems = (expect([binary, "exec", "--state", "none", "--output", "/nonexistent/out", *touch], 1, ["/nonexistent/out"])
                + expect([binary, "exec", "--state", "none", "--output", d, *touch], 1, [d.name])
                + expect([binary, "exec", "--state", "none", "--log", file, *touch], 1, ["file"])
                + expect([binary, "record", "--state", "none", "-o", "/nonexistent/out", *touch], 1, ["/nonexistent/out"]))
    if flag.exists():
        problems.append("the command ran although its records had no place")
    p = run([binary, "exec", "--state", "none", "--quiet", "--output", "/dev/full", "--", "true"])
    if b"/dev/full" not in p.stderr:
        problems.append(f"--output /dev/full: nothing is said: {p.returncode} {p.stderr[:200]!r}")
    return problems


def logs(binary, d):
    """Logs that are none."""
    for name, data in {"binary": random.Random(3).randbytes(100_000), "text": b"hello\n" * 100,
                       "half": b'{"v":1,"seq":0,"time":"2026-', "list": b"[1,2]\n", "newer": b'{"v":99,"seq":0}\n',
                       "long": b'{"v":1,"x":"' + b"x" * (50 << 20)}.items():
        (d / name).write_bytes(data)
    problems = []
    for name in "binary", "text", "half", "list", "newer", "long", "nonexistent":
        problems += expect([binary, "log", "--log", d / name], [1, 3], [name])
    return problems + expect([binary, "show", "no-such-call", "--log", d / "nonexistent"], [1, 3], ["nonexistent"])


def config(binary, d):
    bad = d / "bad.yaml"
    bad.write_text("log: [\n")
    return (expect([binary, "run", "--config", "/nonexistent/mcpwatch.yaml"], 1, ["/nonexistent/mcpwatch.yaml"])
            + expect([binary, "run", "--check", "--config", bad], 1, ["bad.yaml"]))


def programs():
    """The kernel's BPF programs: id -> name."""
    p = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, check=True,
                       env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    return {x["id"]: x.get("name") for x in json.loads(p.stdout or "[]")}


def programs_of(pid):
    """The ids of those that a process has open; an id is not given again."""
    held = set()
    for f in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held |= {int(i) for i in re.findall(r"^prog_id:\s*(\d+)$", f.read_text(), re.M)}
    return held


def nothing_left(binary, d):
    """No program stays in the kernel, neither after a good end nor after kill -9."""
    problems = []
    for name, end in ("a good end", lambda p: (d / "go").touch()), ("kill -9", lambda p: os.killpg(p.pid, signal.SIGKILL)):
        begun = d / name
        p = subprocess.Popen([binary, "exec", "--state", "none", "--quiet", "--output", d / "out", "--", "sh", "-c",
                              f"touch '{begun}'; while ! test -e {d}/go; do sleep 0.1; done; rm {d}/go"], start_new_session=True)
        eventually(begun.exists)
        held = programs_of(p.pid)
        if not held & programs().keys():
            problems.append(f"{name}: no program is held while it runs: this case shows nothing")
        end(p)
        p.wait(WAIT)

        def left():
            return {i: n for i, n in programs().items() if i in held}
        if there := eventually(left, {}):  # the kernel frees them a little later
            problems.append(f"{name}: programs left in the kernel: {there}")
    return problems


CASES = {f.__name__.replace("_", "-"): f for f in (
    no_root, wrong_usage, not_runnable, exit_status, stdio_untouched, forwarded_signal, capture_cut,
    capture_damaged, capture_none, outputs, logs, config, nothing_left)}
