# SPDX-License-Identifier: Apache-2.0
"""agent.py PLAN: an agent with the Python SDK 2.x that does what its plan says, as a model would that reads and obeys.

PLAN (JSON): "servers" {name: {"argv", "cwd", "env"} over stdio, or {"url", "headers", "start": argv}}, "roots" [URI], "answers"
{what it fills into forms}, "steps". A step prints one JSON line {"step", "status", "text"}:
  ["open", SERVER] ["close", SERVER]; each other step opens its server if need be
  ["list", SERVER]  the text is the definitions
  ["call", SERVER, TOOL, ARGUMENTS]  "{{N}}" in an argument: the text of step N's answer; "{{N:REGEX}}": its first group
  ["sleep", SECONDS]
"""

import contextlib
import json
import re
import socket
import subprocess
import sys
import time

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

plan = json.loads(sys.argv[1])
texts = []


def filled(value):
    if isinstance(value, dict):
        return {k: filled(v) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v) for v in value]
    if not isinstance(value, str):
        return value

    def text(m):
        step = texts[int(m[1])]
        return re.search(m[2], step, re.S)[1] if m[2] else step

    return re.sub(r"\{\{(\d+)(?::(.*?))?\}\}", text, value, flags=re.S)


async def sample(context, params):
    return types.CreateMessageResult(role="assistant", model="none", content=types.TextContent(type="text", text="As you wish."))


async def elicit(context, params):
    return types.ElicitResult(action="accept", content=plan.get("answers", {}))


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri=r) for r in plan["roots"]])


def listening(url, process):
    host, port = re.match(r"https?://\[?([^/\]]+?)\]?:(\d+)", url).groups()
    for _ in range(1200):
        with socket.socket() as s:
            if s.connect_ex((host, int(port))) == 0:
                return
        if process.poll() is not None:
            sys.exit(f"agent.py: the server ended with {process.returncode}")
        time.sleep(0.05)
    sys.exit("agent.py: the server does not listen after 60 s")


async def opened(stack, s):
    if "url" in s:
        if "start" in s:
            process = subprocess.Popen(s["start"], stdin=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            listening(s["url"], process)
        to = streamable_http_client(s["url"], http_client=create_mcp_http_client(s.get("headers")))
    else:
        to = StdioServerParameters(command=s["argv"][0], args=s["argv"][1:], cwd=s.get("cwd"), env=s.get("env"))
    able = {"list_roots_callback": roots} if plan.get("roots") else {}
    return await stack.enter_async_context(Client(to, mode="legacy", read_timeout_seconds=60, sampling_callback=sample,
                                                  elicitation_callback=elicit, **able))


async def main():
    clients, stacks = {}, {}

    async def client(name):
        if name not in clients:
            stacks[name] = await contextlib.AsyncExitStack().__aenter__()
            clients[name] = await opened(stacks[name], plan["servers"][name])
        return clients[name]

    async def close(name):
        del clients[name]
        await stacks.pop(name).aclose()

    async def step(what, *args):
        if what == "open":
            c = await client(args[0])
            return "ok", c.instructions or ""
        if what == "close":
            await close(args[0])
            return "ok", ""
        if what == "sleep":
            await anyio.sleep(args[0])
            return "ok", ""
        c = await client(args[0])
        if what == "list":
            tools = (await c.list_tools()).tools
            return "ok", json.dumps([t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in tools])
        r = await c.call_tool(args[1], filled(args[2]))
        return "tool_error" if r.is_error else "ok", "".join(i.text for i in r.content if i.type == "text")

    for i, (what, *args) in enumerate(plan["steps"]):
        try:
            status, text = await step(what, *args)
        except Exception as e:  # a step's end, not the agent's
            status, text = "error", f"{type(e).__name__}: {e}"
        texts.append(text)
        print(json.dumps({"step": i, "status": status, "text": text}), flush=True)
    for name in reversed(list(clients)):
        with contextlib.suppress(Exception):
            await close(name)


anyio.run(main)
