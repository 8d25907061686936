# SPDX-License-Identifier: Apache-2.0
"""client.py PLAN OUT: makes the plan's steps with mcp 2.x; how each ended goes to OUT

A plan: servers {name: {argv, cwd, env} or {url, headers, sse}}, steps [[what, argument...]], pace_ms. A step's
last argument may be {"at": server}; without it, it is for the first one.
"""

import contextlib
import json
import sys

import anyio
import httpx2
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

PLAN = json.load(open(sys.argv[1]))


async def sample(context, params):
    text = "A short summary of what was asked for."
    return types.CreateMessageResult(role="assistant", model="local-1", content=types.TextContent(type="text", text=text))


async def elicit(context, params):
    """Fills a form as a person would: each required field with the first thing allowed."""
    filled = {}
    for name, field in (getattr(params, "requested_schema", None) or {}).get("properties", {}).items():
        kind = field.get("type")
        filled[name] = (field["enum"][0] if "enum" in field else {"boolean": True, "integer": 7, "number": 7}.get(kind, "yes"))
    return types.ElicitResult(action="accept", content=filled)


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri=f"file://{r}", name=r.rsplit("/", 1)[-1])
                                        for r in PLAN.get("roots", [])])


async def ignore(*args):
    pass


class Changes:
    """Counts the server's notices that its list of tools has changed."""

    def __init__(self):
        self.n, self.seen = 0, anyio.Event()

    async def __call__(self, message):
        if isinstance(message, types.ToolListChangedNotification):
            self.n += 1
            self.seen.set()


async def transport(stack, server):
    if "argv" in server:
        return StdioServerParameters(command=server["argv"][0], args=server["argv"][1:], cwd=server.get("cwd"),
                                     env=server.get("env"))
    if server.get("sse"):
        return sse_client(server["url"], headers=server.get("headers"))
    http = await stack.enter_async_context(httpx2.AsyncClient(headers=server.get("headers"), timeout=60))
    return streamable_http_client(server["url"], http_client=http)


async def step(c, changes, what, *args):
    if what == "call":
        r = await c.call_tool(*args)
        return "tool_error" if r.is_error else "ok"
    if what == "progress":
        r = await c.call_tool(*args, progress_callback=ignore)
        return "tool_error" if r.is_error else "ok"
    if what == "tools":
        cursor = None
        while cursor := (await c.list_tools(**({"cursor": cursor} if cursor else {}))).next_cursor:
            pass
    elif what == "changed":
        with anyio.fail_after(10):
            await changes.seen.wait()
        changes.seen = anyio.Event()
        await c.list_tools(cache_mode="refresh")
    else:
        await {"ping": c.send_ping, "resources": c.list_resources, "read": c.read_resource,
               "prompts": c.list_prompts, "prompt": c.get_prompt}[what](*args)
    return "ok"


async def main():
    ends = []
    async with contextlib.AsyncExitStack() as stack:
        clients = {}
        for name, server in PLAN["servers"].items():
            changes = Changes()
            clients[name] = await stack.enter_async_context(Client(
                await transport(stack, server), mode=server.get("mode", "legacy"), read_timeout_seconds=60,
                sampling_callback=sample, elicitation_callback=elicit, list_roots_callback=roots,
                logging_callback=ignore, message_handler=changes,
                client_info=types.Implementation(name="desk-agent", version="3.1"))), changes

        async def one(what, *args):
            at = args[-1]["at"] if args and isinstance(args[-1], dict) and set(args[-1]) == {"at"} else None
            if at:
                args = args[:-1]
            try:
                return await step(*clients[at or next(iter(clients))], what, *args)
            except Exception as e:  # a step's end, not the client's
                return f"error: {e!r}"[:300]

        for what, *args in PLAN["steps"]:
            await anyio.sleep(PLAN["pace_ms"] / 1000)
            if what != "parallel":
                ends.append(await one(what, *args))
                continue
            results = [None] * len(args[0])

            async def put(i, s):
                results[i] = await one(*s)

            async with anyio.create_task_group() as tg:
                for i, s in enumerate(args[0]):
                    tg.start_soon(put, i, s)
            ends.append(results)
    json.dump(ends, open(sys.argv[2], "w"))


anyio.run(main)
