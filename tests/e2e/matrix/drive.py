# SPDX-License-Identifier: Apache-2.0
"""matrix_drive.py PLAN OUT: starts the plan's server, if it listens, waits for its port, runs the client with
the tap, ends the server. Stands above both, so that one `record` sees them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

plan = json.load(open(sys.argv[1]))
server = None
if plan.get("serve"):
    server = subprocess.Popen(plan["serve"], cwd=plan.get("cwd"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              env={**os.environ, **plan.get("env", {})})
    where = plan["port"]  # or the path of a unix socket
    for _ in range(600):
        with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as s:
            if s.connect_ex(where if isinstance(where, str) else ("127.0.0.1", where)) == 0:
                break
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        time.sleep(0.05)
    else:
        sys.exit("the server does not listen after 30 s")
code = subprocess.call([*plan["client"], sys.argv[1], sys.argv[2]], stdin=subprocess.DEVNULL,
                       env={**os.environ, "LD_PRELOAD": plan["tap"], "MCPWATCH_TAP": sys.argv[2]})
if server:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
sys.exit(code)
