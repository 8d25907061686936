# SPDX-License-Identifier: Apache-2.0
"""server.py fastmcp|mcp sync|async|spawn|run FOLDER PORT: the measured server in Python (plan.py)

sync and run are plain functions (pool threads with fastmcp 4), async and spawn coroutines; spawn and run also
start programs. The background task is a thread beside plain functions, else a task of the event loop.
"""

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
import threading
import time

sdk, kind, folder, _port = sys.argv[1:]
if sdk == "fastmcp":
    from fastmcp import FastMCP
else:
    from mcp.server.fastmcp import FastMCP

Delays = list[float]


def target(name: str | None, key: str, what: str) -> str:
    return name or f"{folder}/{what}-{hashlib.sha256(f'{key}:{what}'.encode()).hexdigest()[:24]}"


def touch(path: str) -> list[str]:
    # every other time by way of a shell that waits for it
    return ["touch", path] if path[-1] in "02468ace" else ["sh", "-c", 'touch "$1"; exit 0', "sh", path]


def make(path: str) -> None:
    with open(path, "w") as f:
        f.write("made\n")


def read(path: str) -> None:
    with open(path) as f:
        f.read()


class Work:
    """One call, or one turn of the background task, in its steps."""

    def __init__(self, key="", **names):
        self.path = {w: target(names.get(w), key, w) for w in ("make", "read", "old", "new", "drop", "child")}

    def first(self):
        make(self.path["make"])

    def second(self):
        read(self.path["read"])
        os.rename(self.path["old"], self.path["new"])

    def third(self):
        os.unlink(self.path["drop"])


def work_sync(delays: Delays, w: Work) -> str:
    time.sleep(delays[0] / 1e3)
    w.first()
    time.sleep(delays[1] / 1e3)
    w.second()
    time.sleep(delays[2] / 1e3)
    w.third()
    if kind == "run":
        subprocess.run(touch(w.path["child"]), check=True, stdin=subprocess.DEVNULL)
    time.sleep(delays[3] / 1e3)
    return "done"


async def work_async(delays: Delays, w: Work) -> str:
    await asyncio.sleep(delays[0] / 1e3)
    w.first()
    await asyncio.sleep(delays[1] / 1e3)
    w.second()
    await asyncio.sleep(delays[2] / 1e3)
    w.third()
    if kind == "spawn":
        p = await asyncio.create_subprocess_exec(*touch(w.path["child"]), stdin=subprocess.DEVNULL)
        assert await p.wait() == 0
    await asyncio.sleep(delays[3] / 1e3)
    return "done"


def turn(i: int) -> Work:
    name = f"{folder}/background-{i}"
    for what in "read", "old", "drop":
        make(f"{name}-{what}")
    return Work(**{w: f"{name}-{w}" for w in ("make", "read", "old", "new", "drop", "child")})


def background_thread() -> None:
    for i in range(1 << 30):
        work_sync([10, 3, 3, 10], turn(i))


async def background_task() -> None:
    for i in range(1 << 30):
        await work_async([10, 3, 3, 10], turn(i))


@contextlib.asynccontextmanager
async def life(_server):
    if kind in ("sync", "run"):
        threading.Thread(target=background_thread, daemon=True).start()
        yield
    else:
        task = asyncio.create_task(background_task())
        yield
        task.cancel()


mcp = FastMCP("links-py", lifespan=life)

if kind in ("sync", "run"):
    @mcp.tool()
    def work(delays: Delays, key: str = "", note: str = "", make: str = "", read: str = "", old: str = "", new: str = "",
             drop: str = "", child: str = "") -> str:
        return work_sync(delays, Work(key, make=make, read=read, old=old, new=new, drop=drop, child=child))
else:
    @mcp.tool()
    async def work(delays: Delays, key: str = "", note: str = "", make: str = "", read: str = "", old: str = "", new: str = "",
                   drop: str = "", child: str = "") -> str:
        return await work_async(delays, Work(key, make=make, read=read, old=old, new=new, drop=drop, child=child))

mcp.run(**({"show_banner": False} if sdk == "fastmcp" else {}))
