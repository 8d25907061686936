# SPDX-License-Identifier: Apache-2.0
"""killer.py client|server SECONDS: an MCP server whose tool kills the mcpwatch above it after so long, and the client
that calls it."""

import json
import os
import signal
import subprocess
import sys
import time


def above(pid, name):
    """The nearest process above pid of that name."""
    while pid > 1:
        with open(f"/proc/{pid}/stat") as f:
            text = f.read()
        if text[text.index("(") + 1:text.rindex(")")] == name:
            return pid
        pid = int(text[text.rindex(")") + 2:].split()[1])
    sys.exit(f"killer.py: no {name} above")


def answer(m):
    if m["method"] == "initialize":
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "killer", "version": "1"}}
    if m["params"]["name"] == "kill":
        time.sleep(float(sys.argv[2]))
        os.kill(above(os.getpid(), "mcpwatch"), signal.SIGKILL)
    return {"content": [{"type": "text", "text": "done"}]}


def server():
    for line in sys.stdin:
        m = json.loads(line)
        print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": answer(m)}), flush=True)


def client():
    p = subprocess.Popen([sys.executable, __file__, "server", sys.argv[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(i, method, **params):
        p.stdin.write(json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}) + "\n")
        p.stdin.flush()
        p.stdout.readline()
    call(1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "c", "version": "1"})
    call(2, "tools/call", name="look", arguments={"at": "first"})
    time.sleep(0.5)
    call(3, "tools/call", name="kill", arguments={"why": "to hide"})
    p.stdin.close()
    p.wait()


{"client": client, "server": server}[sys.argv[1]]()
