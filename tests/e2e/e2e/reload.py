# SPDX-License-Identifier: Apache-2.0
"""SIGHUP and what has threads of its own. Each case gets the binary and a folder and returns problems."""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
from pathlib import Path

from .alerts import reachable, rules
from .anchors import drain, size_of
from .host import WAIT, client, daemon, ended, eventually, raw_server


def places(binary, d):
    """SIGHUP moves anchors and outlets together, or neither: where memory fails between the two, both stay."""
    problems = []
    reachable(d)
    outlets = {}
    for name in ("two", "four"):
        outlets[name] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        outlets[name].bind(str(d / f"out-{name}"))
        os.chmod(d / f"out-{name}", 0o666)

    def configure(name, extra=0, more=""):
        anchors = "".join(f'  - {{type: file, address: "{d}/{name}{i or ""}"}}\n' for i in range(1 + extra))
        return f"""
discover: no
watch:
  - exe: {d}/watched
alerts:
  - {{type: syslog, address: "unix:{d}/out-{name}", burst: 100}}
anchors:
{anchors}{more}log: {{append_only: no}}
"""

    def hup(p, text):
        (d / "mcpwatch.yaml").write_text(text)
        p.send_signal(signal.SIGHUP)
        p.heard("READY=1", p.told.count("READY=1") + 1)

    def held(name):
        """How many records the newest checkpoint there stands for."""
        with contextlib.suppress(FileNotFoundError):
            sizes = re.findall(r"^(\d+)\n[0-9A-Za-z+/]{43}=\n", (d / name).read_text(), re.M)
            return int(sizes[-1]) if sizes else 0
        return 0

    def starved(p, text):
        """As hup, while there is memory for the stacks of a few threads only."""
        stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
        room = 5 * (stack if 0 < stack <= 64 << 20 else 2 << 20) + (16 << 20)
        vm = int(re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{p.pid}/status").read_text())[1]) << 10
        was = resource.prlimit(p.pid, resource.RLIMIT_AS, (vm + room, resource.RLIM_INFINITY))
        hup(p, text)
        resource.prlimit(p.pid, resource.RLIMIT_AS, was)

    def alerted():
        outlets["two"].settimeout(WAIT)
        with contextlib.suppress(TimeoutError):
            return b"test.delete" in outlets["two"].recv(65536)
        return False

    with daemon(binary, d, configure("one").replace("log: {append_only: no}\n", ""), "--rules", rules(d)) as p:
        eventually(lambda: held("one") > 0)
        hup(p, configure("two"))
        eventually(lambda: held("two") > 0)
        after_two = held("one")
        hup(p, configure("three", more="  - {type: pigeon}\n"))
        starved(p, configure("four", extra=14))
        client(raw_server(d, "watched", "s"), d)
        if not alerted():
            problems.append("the outlet that stayed got no alert")
        at = size_of(d / "log")
        eventually(lambda: held("two") >= at)
        hup(p, configure("five"))
        eventually(lambda: held("five") > 0)
    problems += ended(p)
    if drain(outlets["four"], False):
        problems.append("an outlet of a configuration that was not taken got an alert")
    for s in outlets.values():
        s.close()
    if held("one") > after_two:
        problems.append("an anchor that was taken away still got checkpoints")
    if held("two") < at:
        problems.append(f"the anchor that stayed has {held('two')} of {at} records")
    if held("five") != size_of(d / "log"):
        problems.append(f"the last anchor has {held('five')} of {size_of(d / 'log')} records")
    if (d / "three").exists() or (d / "four").exists():
        problems.append("an anchor of a configuration that was not taken got a checkpoint")
    events = [r.get("event") for r in map(json.loads, subprocess.run(
        [binary, "log", "--log", d / "log", "--type", "daemon", "--json"], capture_output=True, text=True).stdout.splitlines())]
    if (events.count("reload"), events.count("reload_failed")) != (2, 2):
        problems.append(f"daemon records: {events}")
    if p.said.count("stay as they were") != 2 or "cannot start outlets and anchors" not in p.said:
        problems.append(f"the daemon says: {p.said}")
    return problems


CASES = {"reload-places": places}
