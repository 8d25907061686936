# SPDX-License-Identifier: Apache-2.0
"""client.py PLAN OUT: makes the plan's calls with the Python SDK over stdio (pipes).

Writes OUT.json (one result a call) and OUT.0.c2s, OUT.0.s2c: the bytes that passed the pipes, taken
between the SDK and the operating system.
"""

import hashlib
import json
import sys

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client import stdio


class Tap:
    """Stands before one end of the server's pipes and keeps what passes."""

    def __init__(self, stream):
        self.stream, self.bytes = stream, bytearray()

    async def send(self, data):
        self.bytes += data
        await self.stream.send(data)

    async def receive(self, *args):
        data = await self.stream.receive(*args)
        self.bytes += data
        return data

    def __getattr__(self, name):
        return getattr(self.stream, name)


async def main():
    plan, out = json.load(open(sys.argv[1])), sys.argv[2]
    results = [None] * len(plan["calls"])
    taps = []
    create = stdio._create_platform_compatible_process

    async def create_tapped(**kwargs):
        process = await create(**kwargs)
        # In place: the SDK asks what class a process is when it has to end it.
        process._stdin, process._stdout = Tap(process.stdin), Tap(process.stdout)
        taps.append(process)
        return process

    stdio._create_platform_compatible_process = create_tapped
    limit = anyio.Semaphore(plan["parallel"])

    async def call(client, i, tool, arguments):
        async with limit:
            try:
                r = await client.call_tool(tool, arguments)
            except MCPError as e:
                results[i] = {"status": "rpc_error", "text": str(e)}
                return
            text = "".join(c.text for c in r.content if c.type == "text")
            results[i] = {
                "status": "tool_error" if r.is_error else "ok",
                "text_len": len(text),
                "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
            }

    params = StdioServerParameters(command=plan["argv"][0], args=plan["argv"][1:], cwd=plan.get("cwd"))
    async with Client(stdio.stdio_client(params), mode=plan["mode"], read_timeout_seconds=120) as client:
        await client.list_tools()
        async with anyio.create_task_group() as tg:
            for i, c in enumerate(plan["calls"]):
                if plan["parallel"] > 1:
                    tg.start_soon(call, client, i, c["tool"], c["arguments"])
                else:
                    await call(client, i, c["tool"], c["arguments"])
    json.dump(results, open(out + ".json", "w"))
    open(out + ".0.c2s", "wb").write(taps[0].stdin.bytes)
    open(out + ".0.s2c", "wb").write(taps[0].stdout.bytes)


anyio.run(main)
