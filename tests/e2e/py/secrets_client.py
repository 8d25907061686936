# SPDX-License-Identifier: Apache-2.0
"""secrets_client.py PLAN: starts the plan's server over stdio, or goes to its URL with the plan's headers, one
conversation for each set of them, and makes its steps in each: ["call", TOOL, ARGUMENTS], ["read", URI], ["prompt", NAME, ARGUMENTS], ["tools"]. Fails if a step does
not end as it is said there: "ok" where nothing is said, else what the last member {"ends": ...} says."""

import json
import socket
import subprocess
import sys
import time

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

plan = json.load(open(sys.argv[1]))


async def step(client, what, *args):
    try:
        if what == "call":
            return "tool_error" if (await client.call_tool(*args)).is_error else "ok"
        await {"read": client.read_resource, "prompt": client.get_prompt, "tools": client.list_tools}[what](*args)
        return "ok"
    except Exception as e:  # a step's end, not the client's
        return f"error: {e}"


async def main(headers=None):
    if "url" not in plan:
        server = StdioServerParameters(command=plan["argv"][0], args=plan["argv"][1:], env=plan.get("env"))
    else:
        server = streamable_http_client(plan["url"], http_client=create_mcp_http_client(headers))
    async with Client(server, mode=plan.get("mode", "legacy"), read_timeout_seconds=60) as client:
        for what, *args in plan["steps"]:
            ends = args.pop()["ends"] if args and isinstance(args[-1], dict) and set(args[-1]) == {"ends"} else "ok"
            end = await step(client, what, *args)
            if not end.startswith(ends):
                sys.exit(f"secrets_client.py: {what} {str(args)[:200]}: {end}, expected {ends}")


def listening(process):
    for _ in range(600):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", plan["port"])) == 0:
                return
        if process.poll() is not None:
            sys.exit(f"secrets_client.py: the server ended with {process.returncode}")
        time.sleep(0.05)
    sys.exit("secrets_client.py: the server does not listen after 30 s")


if "url" not in plan:
    anyio.run(main)
else:
    process = subprocess.Popen(plan["argv"], stdin=subprocess.DEVNULL, env=plan.get("env"))
    try:
        listening(process)
        for headers in plan["headers"]:
            anyio.run(main, headers)
    finally:
        process.terminate()
        process.wait(10)
