# SPDX-License-Identifier: Apache-2.0
"""raw.py PLAN: what agent.py does, without a SDK, and more: what no SDK would send. See agent.py for the plan. Further steps:
  ["send", SERVER, TEXT]  these bytes as a line (\\uXXXX of the plan's JSON; \\udcXX: the byte XX); waits for an answer
  ["many", SERVER, TOOL, ARGUMENTS, N]  N calls one after the other; "{{n}}" in an argument: which one
  ["post", URL, HEADERS, MESSAGE]  one request over HTTP; the text is the answer's body, the status its HTTP status;
                                   "{{session}}" in a header: the session id that the last answer with one gave;
                                   header "@from": the address to send from, no header
"""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from urllib.parse import urlsplit

plan = json.loads(sys.argv[1])
texts = []
session = ""


def filled(value):
    if isinstance(value, dict):
        return {k: filled(v) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v) for v in value]
    if not isinstance(value, str):
        return value
    value = value.replace("{{session}}", session)

    def text(m):
        step = texts[int(m[1])]
        return re.search(m[2], step, re.S)[1] if m[2] else step

    return re.sub(r"\{\{(\d+)(?::(.*?))?\}\}", text, value, flags=re.S)


class Server:
    """One conversation over a server's stdin and stdout."""

    def __init__(self, s):
        self.process = subprocess.Popen(s["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=s.get("cwd"),
                                        env=dict(os.environ, **s.get("env", {})))
        self.n = 0
        able = {"sampling": {"context": {}}, "elicitation": {}} | ({"roots": {}} if plan.get("roots") else {})
        self.hello = self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": able,
                                             "clientInfo": {"name": "agent-raw", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, data):
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def send(self, message):
        self.write(json.dumps(message).encode())

    def answer(self, m):
        """What the server asks of this side."""
        result = {
            "sampling/createMessage": {"role": "assistant", "model": "none", "content": {"type": "text", "text": "As you wish."}},
            "elicitation/create": {"action": "accept", "content": plan.get("answers", {})},
            "roots/list": {"roots": [{"uri": r} for r in plan.get("roots", [])]},
        }.get(m["method"], {})
        self.send({"jsonrpc": "2.0", "id": m["id"], "result": result})

    def read(self):
        """The next answer."""
        for line in self.process.stdout:
            m = json.loads(line.decode("utf-8", "replace"))
            if "method" not in m:
                return m
            if "id" in m:
                self.answer(m)
        raise EOFError("the server has ended")

    def ask(self, method, params):
        self.n += 1
        self.send({"jsonrpc": "2.0", "id": self.n, "method": method, "params": params})
        while (m := self.read()).get("id") != self.n:
            pass
        return m

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(3)
        self.process.stdout.close()


def said(m):
    if "error" in m:
        return "error", m["error"]["message"]
    r = m["result"]
    return "tool_error" if r.get("isError") else "ok", "".join(i.get("text", "") for i in r.get("content", []))


def post(url, headers, message):
    global session
    u = urlsplit(url)
    here = headers.pop("@from", None)
    for _ in range(1200):
        c = http.client.HTTPConnection(u.hostname, u.port, timeout=60, source_address=here and (here, 0))
        try:
            c.connect()
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    body = json.dumps(filled(message)).encode() if message is not None else b""
    c.request("POST", u.path, body, {"content-type": "application/json", "accept": "application/json, text/event-stream"} | filled(headers))
    r = c.getresponse()
    session = r.getheader("mcp-session-id") or session
    text = r.read().decode()
    c.close()
    return str(r.status), text


servers, started = {}, []


def server(name):
    if name not in servers:
        servers[name] = Server(plan["servers"][name])
    return servers[name]


def step(what, *args):
    if what == "post":
        return post(*args)
    if what == "sleep":
        time.sleep(args[0])
        return "ok", ""
    if what == "close":
        servers.pop(args[0]).close()
        return "ok", ""
    s = server(args[0])
    if what == "open":
        return "ok", s.hello["result"].get("instructions", "")
    if what == "list":
        return "ok", json.dumps(s.ask("tools/list", {})["result"]["tools"])
    if what == "send":
        s.write(args[1].encode("utf-8", "surrogateescape"))
        return said(s.read())
    if what == "many":
        ends = []
        for n in range(args[3]):
            arguments = json.loads(json.dumps(args[2]).replace("{{n}}", str(n)))
            ends.append(said(s.ask("tools/call", {"name": args[1], "arguments": arguments})))
        return ends[-1][0], f"{len(ends)} answers: " + ends[-1][1]
    return said(s.ask("tools/call", {"name": args[1], "arguments": filled(args[2])}))


for s in plan["servers"].values():
    if "start" in s:
        started.append(subprocess.Popen(s["start"], stdin=subprocess.DEVNULL))
for i, (what, *args) in enumerate(plan["steps"]):
    try:
        status, text = step(what, *args)
    except Exception as e:  # a step's end, not the agent's
        status, text = "error", f"{type(e).__name__}: {e}"
    texts.append(text)
    print(json.dumps({"step": i, "status": status, "text": text}), flush=True)
for s in servers.values():
    s.close()
for p in started:
    p.terminate()
    p.wait()
