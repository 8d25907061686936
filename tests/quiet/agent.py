#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""agent.py SESSIONS: what is watched: an agent that starts each session's HTTP servers and its client, one session
after another. SESSIONS is a file: [{daemons: [{argv, env, cwd, port}], client: argv}]"""

import json
import os
import socket
import subprocess
import sys
import time


def reachable(port):
    for _ in range(2400):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"agent: nothing listens on {port}")


def main():
    for session in json.load(open(sys.argv[1])):
        daemons = []
        for d in session["daemons"]:
            daemons.append(subprocess.Popen(d["argv"], env=os.environ | d.get("env", {}), cwd=d.get("cwd"),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        for d in session["daemons"]:
            reachable(d["port"])
        code = subprocess.run(session["client"], timeout=360).returncode
        for p in daemons:
            p.terminate()
            p.wait(60)
        if code:
            sys.exit(f"agent: a client ended with {code}: {session['client']}")


main()
