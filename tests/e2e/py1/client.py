# SPDX-License-Identifier: Apache-2.0
"""client.py PLAN OUT: makes the plan's steps with mcp 1.x; how each ended goes to OUT.json"""

import json
import sys
from datetime import timedelta

import anyio
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl

plan, out = json.load(open(sys.argv[1])), sys.argv[2]


async def sample(context, params):
    return types.CreateMessageResult(role="assistant", model="none", content=types.TextContent(type="text", text="said"))


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"answer": "yes"})


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///tmp", name="tmp")])


async def progress(*args):
    pass


def transport():
    if plan["transport"] == "stdio":
        return stdio_client(StdioServerParameters(command=plan["argv"][0], args=plan["argv"][1:], cwd=plan.get("cwd"),
                                                  env=plan.get("env")))
    if plan["transport"] == "ws":
        import functools

        import mcp.client.websocket as ws

        # No compression: the tap would have to know it. 2 MiB answers: the library's limit is 1 MiB.
        ws.ws_connect = functools.partial(ws.ws_connect, compression=None, max_size=64 << 20)
        return ws.websocket_client(plan["url"])
    return {"sse": sse_client, "http": streamable_http_client}[plan["transport"]](plan["url"])


async def main():
    ends = []
    async with transport() as (read, write, *_):
        async with ClientSession(read, write, timedelta(seconds=60), sample, elicit, roots) as s:
            await s.initialize()

            async def call(name, args, **more):
                r = await s.call_tool(name, args, **more)
                return "tool_error" if r.isError else "ok"

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
                """This SDK does not say it to the server by itself."""
                next_id = s._request_id
                with anyio.move_on_after(ms / 1000):
                    await call(name, args)
                note = types.CancelledNotification(params=types.CancelledNotificationParams(requestId=next_id))
                await s.send_notification(types.ClientNotification(note))

            does = {
                "tools": s.list_tools, "call": call, "parallel": parallel, "cancel": cancel, "ping": s.send_ping,
                "notify": lambda name, args: call(name, args, progress_callback=progress),
                "resources": s.list_resources, "read": lambda uri: s.read_resource(AnyUrl(uri)),
                "prompts": s.list_prompts, "prompt": s.get_prompt,
            }
            for what, *args in plan["steps"]:
                try:
                    r = await does[what](*args)
                    ends.append(r if isinstance(r, str) else "ok")
                except Exception as e:  # a step's end, not the client's
                    ends.append(f"error: {e}"[:200])
    json.dump(ends, open(out + ".json", "w"))


anyio.run(main)
