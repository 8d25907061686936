# SPDX-License-Identifier: Apache-2.0
"""client.py PLAN OUT: a raw MCP client of one or more servers over pipes, driven by a script.

The plan: {"argvs": [[...], ...], "steps": [...], "bytewise": bool}; steps:
  ["send", SERVER, TEXT]   write TEXT and a newline
  ["wait", SERVER, N]      until SERVER has answered N lines in all
  ["kill", SERVER]         SIGKILL
  ["sleep", SECONDS]
Writes OUT.<server>.c2s and OUT.<server>.s2c: the bytes written and read.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time


class Server:
    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.c2s, self.s2c = bytearray(), bytearray()
        self.lines = 0
        self.more = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self.more:
                self.s2c += data
                self.lines += data.count(b"\n")
                self.more.notify()

    def send(self, text, bytewise):
        data = text.encode("utf-8", "surrogateescape") + b"\n"
        self.c2s += data
        step = 1 if bytewise else len(data)
        while data:
            data = data[os.write(self.process.stdin.fileno(), data[:step]):]

    def wait(self, n):
        with self.more:
            if not self.more.wait_for(lambda: self.lines >= n, timeout=60):
                sys.exit(f"client.py: {self.lines} of {n} answers after 60 s")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.reader.join()


plan, out = json.load(open(sys.argv[1])), sys.argv[2]
servers = [Server(argv) for argv in plan["argvs"]]
for what, *args in plan["steps"]:
    if what == "send":
        servers[args[0]].send(args[1], plan["bytewise"])
    elif what == "wait":
        servers[args[0]].wait(args[1])
    elif what == "kill":
        os.kill(servers[args[0]].process.pid, signal.SIGKILL)
    elif what == "sleep":
        time.sleep(args[0])
for i, s in enumerate(servers):
    s.close()
    open(f"{out}.{i}.c2s", "wb").write(s.c2s)
    open(f"{out}.{i}.s2c", "wb").write(s.s2c)
