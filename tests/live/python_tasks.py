# SPDX-License-Identifier: Apache-2.0
"""What a Python MCP server does, without the SDK: requests in a context variable, as the SDKs keep them.

usage: python_tasks.py NAME FORM EXTRA N

NAME: the variable's. FORM: int or str ids. EXTRA: further variables in each context; with some, requests
of mcp 1.x come by HTTP, each in a session of its own. N: requests. Every act names its request's number and its kind: a file "KIND-NUMBER" is opened, or a program is run with
that as its argument.
"""
import asyncio
import contextvars
import ctypes
import dataclasses
import decimal
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
import typing

NAME, FORM, EXTRA, N = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

S = typing.TypeVar("S")


@dataclasses.dataclass
class RequestContext(typing.Generic[S]):
    request_id: typing.Any
    meta: typing.Any
    session: S
    lifespan_context: typing.Any
    experimental: typing.Any = None
    request: typing.Any = None
    close_sse_stream: typing.Any = None
    close_standalone_sse_stream: typing.Any = None


@dataclasses.dataclass
class FastMCPRequestContext:
    session: typing.Any
    request_id: typing.Any
    meta: typing.Any
    request: typing.Any
    protocol_version: str
    close_sse_stream: typing.Any
    lifespan_context: typing.Any
    _srctx: typing.Any


current = contextvars.ContextVar(NAME)
others = [contextvars.ContextVar(f"other_{i}") for i in range(EXTRA)]
clock = contextvars.ContextVar("request_clock")
session = object()
names_alike = contextvars.ContextVar("request_ct"), contextvars.ContextVar("request_ctx_")


def id_of(i):
    if FORM == "str":
        return f"id-{i}-".ljust(6 + 4 * i - (i == 15) * 2, "x")
    return -3 if i == 3 else i if i < 8 else (1 << (14 + 3 * i)) - i


def context_of(i, inner=False):
    """An inner one is of a server within this process, which a tool talks to over memory."""
    if NAME == "request_ctx" and EXTRA:
        return RequestContext(id_of(i), None, object(), None, request=None if inner else object())
    if NAME == "request_ctx":
        return RequestContext(id_of(i), None, object() if inner else session, None)
    return FastMCPRequestContext(object(), id_of(i), None, None, "x", None, None, None)


def touch(kind, i):
    os.close(os.open(f"{kind}-{i}", os.O_WRONLY | os.O_CREAT, 0o600))


async def nap():
    await asyncio.sleep(random.random() * 0.02)


def with_own_context(i):
    decimal.getcontext()  # a variable in the thread's own context
    touch("own", i)


async def later(i, done):
    await done.wait()
    touch("after", i)


async def serve_inner(i):
    if NAME != "request_ctx":
        clock.set(object())
    current.set(context_of((i + 1) % N, inner=True))
    await nap()
    touch("inner", i)


async def handle(i, started):
    loop = asyncio.get_running_loop()
    for n, v in enumerate(others):
        v.set(n)
    started.append(i)
    while len(started) < N:
        await asyncio.sleep(0)
    token = current.set(context_of(i))
    if i % 4 == 1:
        vars(current.get())  # its attributes become a dict
    if i % 4 == 2:
        current.get().extra = 1
    done = asyncio.Event()
    after = asyncio.create_task(later(i, done))
    for _ in range(3):
        await nap()
        touch("async", i)
    await asyncio.to_thread(touch, "thread", i)
    await asyncio.create_task(serve_inner(i))
    p = await asyncio.create_subprocess_exec("/bin/true", f"sub-{i}")
    await p.wait()
    await asyncio.to_thread(subprocess.run, ["/bin/true", f"run-{i}"])
    await loop.run_in_executor(None, with_own_context, i)
    t = threading.Thread(target=touch, args=("plain", i))
    if sys.version_info < (3, 14):
        t.start()
        t.join()
    pid = os.fork()
    if pid == 0:
        touch("fork", i)
        os._exit(0)
    os.waitpid(pid, 0)
    await nap()
    current.reset(token)
    touch("reset", i)
    done.set()
    await after


async def background(stop):
    for v in names_alike:
        v.set(context_of(0))
    i = 0
    while not stop.is_set():
        touch("early" if i == 0 else "none", i)
        i += 1
        await asyncio.sleep(0.003)


async def main():
    stop = asyncio.Event()
    b = asyncio.create_task(background(stop))
    await asyncio.sleep(0.01)
    started = []
    await asyncio.gather(*(handle(i, started) for i in range(N)))
    stop.set()
    await b


def forget_names():
    """Takes the names of the types of a context's nodes out of memory, as the kernel does under pressure."""
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    word = lambda at: ctypes.c_uint64.from_address(at).value
    few, many = contextvars.Context(), contextvars.Context()
    few.run(others[0].set if others else clock.set, 0)
    many.run(lambda: [v.set(0) for v in more])
    for c in few, many:
        node_type = word(word(word(id(c) + 24) + 16) + 8)
        page = word(node_type + 24) & -mmap.PAGESIZE
        # in a mapping of its own, so that no other one's fault brings it back
        assert libc.madvise(page, mmap.PAGESIZE, mmap.MADV_RANDOM) == 0
        assert libc.madvise(page, mmap.PAGESIZE, mmap.MADV_DONTNEED) == 0


more = [contextvars.ContextVar(f"more_{i}") for i in range(40)]
os.kill(os.getpid(), signal.SIGSTOP)
forget_names()
asyncio.run(main())
