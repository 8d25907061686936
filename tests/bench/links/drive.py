# SPDX-License-Identifier: Apache-2.0
"""Runs a planned batch of calls against a watched server, K of them at a time, over its plain stdio.

The client is our own, and small, so that K calls are really in flight; the server is built on a real SDK. We and
the sink that its HTTP requests go to are outside of what is watched.
"""

import asyncio
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "e2e"))

from e2e import build  # noqa: E402

import plan  # noqa: E402

LIMIT = 1 << 20
ANSWER_S = 120


@dataclasses.dataclass
class Server:
    kit: str
    kind: str
    does: tuple = ()  # child, http: beside files
    sdk: str = ""

    def argv(self, folder, port):
        at = build.prepare(self.kit)
        program = {"py": [at / "bin/python", HERE / "server.py", self.sdk], "py1": [at / "bin/python", HERE / "server.py", self.sdk],
                   "npm": ["node", at / "links_server.mjs"], "go": [at / "links"], "rust": [at / "links_server"]}[self.kit]
        return [str(x) for x in (*program, self.kind, folder, port)]


SERVERS = {
    "py-sync": Server("py", "sync", sdk="fastmcp"),
    "py-async": Server("py", "async", sdk="fastmcp"),
    "py-run": Server("py", "run", ("child",), sdk="fastmcp"),
    "py-spawn": Server("py", "spawn", ("child",), sdk="fastmcp"),
    "py1-sync": Server("py1", "sync", sdk="mcp"),
    "py1-async": Server("py1", "async", sdk="mcp"),
    "node-promises": Server("npm", "promises"),
    "node-timers": Server("npm", "timers"),
    "node-sync": Server("npm", "sync"),
    "node-exec": Server("npm", "exec", ("child",)),
    "node-fetch": Server("npm", "fetch", ("http",)),
    "go-files": Server("go", "files"),
    "go-http": Server("go", "http", ("http",)),
    "go-group": Server("go", "group"),
    "go-exec": Server("go", "exec", ("child",)),
    "rust-tokio": Server("rust", "tokio"),
    "rust-std": Server("rust", "std"),
    "rust-process": Server("rust", "process", ("child",)),
}


class Failed(Exception):
    """A run that shows nothing; says why in one line."""


@dataclasses.dataclass
class Run:
    plan: plan.Plan
    records: list
    overtaken: int  # calls answered after one that was sent later
    seconds: float


async def sink(reader, writer):
    """An HTTP/1.1 server: takes a few milliseconds, by the path, and says nothing."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1]
            await asyncio.sleep(sum(path) % 16 / 1e3)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
            if b"connection: close" in head.lower():
                break
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def talk(process, calls, at):
    """Makes the calls, `at` of them at a time: call numbers in the order of their answers."""
    order, waiting = [], iter(calls)
    by_id = {}

    def say(message):
        process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message).encode() + b"\n")

    async def hear():
        while True:
            line = await asyncio.wait_for(process.stdout.readline(), ANSWER_S)
            if not line:
                raise Failed(f"the server ended after {len(order)} of {len(calls)} answers")
            message = json.loads(line)
            if "id" in message and "method" not in message:
                return message

    def call_next():
        if c := next(waiting, None):
            by_id[c.number] = c
            say({"id": c.number, "method": "tools/call", "params": {"name": "work", "arguments": c.arguments}})

    say({"id": "hello", "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                                                           "clientInfo": {"name": "links", "version": "1"}}})
    await hear()
    say({"method": "notifications/initialized"})
    for _ in range(at):
        call_next()
    while len(order) < len(calls):
        answer = await hear()
        if "error" in answer or answer["result"].get("isError"):
            raise Failed(f"call {answer['id']}: {json.dumps(answer)[:300]}")
        by_id.pop(answer["id"])
        order.append(answer["id"])
        call_next()
    return order


async def run_async(binary, server, folder, seed, n_calls, at, mode):
    tcp = await asyncio.start_server(sink, "0.0.0.0", 0, backlog=1024)
    port = tcp.sockets[0].getsockname()[1]
    p = plan.Plan(seed, n_calls, at, mode, server.does, folder / "work", port)
    p.lay_out()
    output = folder / "records.jsonl"
    watched = [str(binary), "exec", "--state", "none", "--quiet", "--output", str(output), "--"] if binary else []
    began = time.monotonic()
    with open(folder / "stderr", "wb") as err:
        process = await asyncio.create_subprocess_exec(
            *watched, *server.argv(p.folder, port), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
            limit=LIMIT, start_new_session=True)
        try:
            order = await talk(process, p.calls, at)
            seconds = time.monotonic() - began
            process.stdin.close()
            code = await asyncio.wait_for(process.wait(), 60)
        except (Failed, asyncio.TimeoutError) as e:
            raise Failed(f"{str(e) or 'no answer in time'}: {(folder / 'stderr').read_text(errors='replace')[-300:]}") from None
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 10)
                except asyncio.TimeoutError:
                    process.kill()
                    await process.wait()
            tcp.close()
    if binary and code:
        raise Failed(f"exit status {code}: {(folder / 'stderr').read_text(errors='replace')[-300:]}")
    if problems := p.done():
        raise Failed(f"the server did not do its work: {problems[0]}")
    latest, overtaken = -1, 0
    for number in order:
        overtaken += number < latest
        latest = max(latest, number)
    records = [json.loads(line) for line in output.read_bytes().splitlines()] if binary else []
    return Run(p, records, overtaken, seconds)


def run(binary, server, folder, seed, n_calls, at, mode):
    """One batch; binary None: without mcpwatch, for the servers themselves."""
    return asyncio.run(run_async(binary, SERVERS[server], folder, seed, n_calls, at, mode))
