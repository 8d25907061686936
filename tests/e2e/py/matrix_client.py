# SPDX-License-Identifier: Apache-2.0
"""matrix_client.py PLAN OUT: makes the plan's steps with mcp 2.x; how each ended goes to OUT.json"""

import json
import sys

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

plan, out = json.load(open(sys.argv[1])), sys.argv[2]


async def sample(context, params):
    return types.CreateMessageResult(role="assistant", model="none", content=types.TextContent(type="text", text="said"))


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"answer": "yes"})


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///tmp", name="tmp")])


async def log(params):
    pass


async def progress(*args):
    pass


def server():
    if plan["transport"] == "stdio":
        return StdioServerParameters(command=plan["argv"][0], args=plan["argv"][1:], cwd=plan.get("cwd"),
                                     env=plan.get("env"))
    return {"sse": sse_client, "http": streamable_http_client}[plan["transport"]](plan["url"])


async def main():
    ends = []
    async with Client(server(), mode="auto" if plan["modern"] else "legacy", read_timeout_seconds=60,
                      sampling_callback=sample, elicitation_callback=elicit, list_roots_callback=roots,
                      logging_callback=log, log_level="info") as c:

        async def call(name, args, **more):
            r = await c.call_tool(name, args, **more)
            return "tool_error" if r.is_error else "ok"

        async def parallel(calls):
            async def one(name, args):
                try:
                    await call(name, args)
                except Exception as e:  # a step's end, not the client's
                    print("parallel:", e, file=sys.stderr)

            async with anyio.create_task_group() as tg:
                for name, args in calls:
                    tg.start_soon(one, name, args)

        async def cancel(name, args, ms):
            with anyio.move_on_after(ms / 1000):
                await call(name, args)

        does = {
            "tools": c.list_tools, "call": call, "parallel": parallel, "cancel": cancel, "ping": c.send_ping,
            "notify": lambda name, args: call(name, args, progress_callback=progress),
            "resources": c.list_resources, "read": c.read_resource, "prompts": c.list_prompts, "prompt": c.get_prompt,
        }
        for what, *args in plan["steps"]:
            try:
                r = await does[what](*args)
                ends.append(r if isinstance(r, str) else "ok")
            except Exception as e:  # a step's end, not the client's
                ends.append(f"error: {e}"[:200])
    json.dump(ends, open(out + ".json", "w"))


anyio.run(main)
