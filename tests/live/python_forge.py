# SPDX-License-Identifier: Apache-2.0
"""Forges its own contexts while it opens files "CASE-0": what must give nothing, and what gives its own lie.

usage: python_forge.py
"""
import contextvars
import ctypes
import mmap
import os
import signal
import struct
import sys

get_state = ctypes.pythonapi.PyThreadState_Get
get_state.restype = ctypes.c_void_p
STATE = get_state()
CONTEXT_AT = {10: 240, 11: 224, 12: 208, 13: 208}[sys.version_info[1]]


class RequestContext:
    def __init__(self, request_id):
        self.request_id = request_id


def word(at):
    return ctypes.c_uint64.from_address(at).value


def put(at, value):
    ctypes.c_uint64.from_address(at).value = value


kept = []


def words(*values):
    b = ctypes.create_string_buffer(struct.pack(f"<{len(values)}Q", *values))
    kept.append(b)
    return ctypes.addressof(b)


def touch(name):
    os.close(os.open(f"{name}-0", os.O_WRONLY | os.O_CREAT, 0o600))


def within(name, context):
    was = word(STATE + CONTEXT_AT)
    put(STATE + CONTEXT_AT, context)
    touch(name)
    put(STATE + CONTEXT_AT, was)


current = contextvars.ContextVar("request_ctx")


def honest():
    current.set(RequestContext(7))
    touch("honest")


many = [contextvars.ContextVar(f"v{i}") for i in range(40)]


def fill():
    for v in many:
        v.set(0)


CONTEXT = id(contextvars.Context)
context = contextvars.copy_context()
context.run(honest)
full = contextvars.copy_context()
full.run(fill)
BITMAP = word(word(word(id(context) + 24) + 16) + 8)
ARRAY = word(word(word(id(full) + 24) + 16) + 8)
big = 1 << 62


def forged(root, entered=1):
    mapping = words(1, 0, root, 0, 1)
    return words(1, CONTEXT, 0, mapping, 0, entered)


def node(*values):
    """A node that has its own address where a value is None."""
    at = words(*(v or 0 for v in values))
    for i, v in enumerate(values):
        if v is None:
            put(at + 8 * i, at)
    return at


def at_edge(obj, before, size):
    """A copy of an object, and of what stands before it, with no memory behind it."""
    assert size % 8 == 0
    two = libc.mmap(None, 2 * mmap.PAGESIZE, 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    libc.munmap(two + mmap.PAGESIZE, mmap.PAGESIZE)
    at = two + mmap.PAGESIZE - size
    ctypes.memmove(at - before, id(obj) - before, before + size)
    return at


libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
number = 12345
edge = RequestContext(number)
size = RequestContext.__basicsize__
if sys.version_info[1] == 13:  # the values stand in it: header, capacity in its first byte
    size += 8 + 8 * (word(id(edge) + 16) & 0xff)
EDGE = at_edge(edge, 32, size)
last = RequestContext(ctypes.cast(at_edge(number, 0, 32), ctypes.py_object).value)


os.kill(os.getpid(), signal.SIGSTOP)
context.run(honest)
within("garbage", 0xDEADBEEF)
within("kernel", 0xFFFF888000000000)
within("odd", STATE + 3)
within("other", words(1, id(int), 0, 0, 0, 1))
within("rootless", forged(0))
within("array", forged(node(1, ARRAY, *[None] * 32)))
within("bitmap", forged(node(1, BITMAP, 64, 0xFFFFFFFF, *[0, None] * 32)))
within("size", forged(words(1, BITMAP, big, 0xFFFFFFFF, *[1] * 64)))
within("keys", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[0xDEADBEEF] * 64)))
within("selves", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(many[0])] * 64)))
within("type", forged(words(1, 0x1000, 64, 0xFFFFFFFF, *[1] * 64)))
lie = RequestContext(999)
within("lie", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(current), id(lie)] * 32)))
within("edge", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(current), EDGE] * 32)))
within("last", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(current), id(last)] * 32)))
huge = RequestContext(1 << 60)
within("huge", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(current), id(huge)] * 32)))
long = RequestContext("x" * 65)
within("long", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(current), id(long)] * 32)))
wide = RequestContext("\u00e9")
within("wide", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(current), id(wide)] * 32)))
none = RequestContext(None)
within("none", forged(words(1, BITMAP, 64, 0xFFFFFFFF, *[id(current), id(none)] * 32)))
context.run(honest)
