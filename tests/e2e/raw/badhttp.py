# SPDX-License-Identifier: Apache-2.0
"""badhttp.py CASE: an MCP server and client over HTTP that speak sockets, and one exchange that no sound peer
would make.

Order: a connection A is opened and makes an honest call; so does a connection B (not with fresh- before the
CASE), and the case does its worst there; A makes a call again, and so does a new connection C.
`badhttp.py CASE PORT` is the server. The honest calls have the tool "honest" and the ids 1, 4, 2, 3.
"""

import base64
import gzip
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

MIB = 1 << 20


def call(rpc_id, tool="honest", arguments="{}"):
    """A request; rpc_id and arguments are raw JSON."""
    return (f'{{"jsonrpc":"2.0","id":{rpc_id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}'
            ).encode()


def post(body, *more):
    return head(f"Content-Length: {len(body)}", *more) + body


def head(*fields):
    lines = ["POST /mcp HTTP/1.1", "Host: localhost", "Content-Type: application/json",
             "Accept: application/json, text/event-stream", "MCP-Protocol-Version: 2025-11-25", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(rpc_id, text="done"):
    return f'{{"jsonrpc":"2.0","id":{rpc_id},"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}'.encode()


def ok(body, *fields, kind="application/json"):
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", *fields]
    if not any(f.lower().startswith(("content-length", "transfer-encoding")) for f in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# --- the server -------------------------------------------------------------------------------------


def read_request(s, data):
    """(head, body, rest) of a sound request; None at the end."""
    while b"\r\n\r\n" not in data:
        if len(data) > MIB or not (more := s.recv(65536)):
            return None
        data += more
    h, _, data = data.partition(b"\r\n\r\n")
    n = 0
    for line in h.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            n = int(line.split(b":")[1])
    while len(data) < n:
        if not (more := s.recv(1 << 18)):
            return None
        data += more
    return h, data[:n], data[n:]


def raw_id(body):
    """The id as it stands in the body, up to the member that follows it."""
    at = body.index(b'"id":') + 5
    return body[at:body.index(b',"method"', at)].decode("utf-8", "surrogateescape")


def drain(s):
    try:
        while s.recv(MIB):
            pass
    except OSError:
        pass


def send(s, data):
    try:
        s.sendall(data)
    except OSError:
        pass


def serve_one(s, case):
    data = b""
    while r := read_request(s, data):
        h, body, data = r
        if b'"honest"' in body or b'"initialize"' in body:
            send(s, ok(INITIALIZED if b'"initialize"' in body else answer(raw_id(body))))
            continue
        if case not in SERVER:
            send(s, ok(answer(raw_id(body)) if b'"id":' in body else b""))
            continue
        SERVER[case](s, h, body)
        return s.close()
    drain(s)
    s.close()


INITIALIZED = (b'{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":'
               b'{"name":"badhttp","version":"1"}}}')


def gzip_bomb(s, h, body):
    """A gibibyte in a mebibyte."""
    begin, zeros, end = b'{"jsonrpc":"2.0","id":9,"result":{"x":"', b"0" * MIB, b'"}}'
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = z.compress(begin) + z.flush(zlib.Z_FULL_FLUSH)
    block = z.compress(zeros) + z.flush(zlib.Z_FULL_FLUSH)  # stands by itself: the same at every place
    data += block * 1024 + z.compress(end) + z.flush()
    crc = zlib.crc32(begin)
    for _ in range(1024):
        crc = zlib.crc32(zeros, crc)
    trailer = struct.pack("<II", zlib.crc32(end, crc), len(begin) + 1024 * MIB + len(end))
    send(s, ok(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + data + trailer, "Content-Encoding: gzip"))


def gzip_garbage(s, h, body):
    data = gzip.compress(answer(9, "x" * 100_000))
    send(s, ok(data[:200] + os.urandom(len(data)), "Content-Encoding: gzip"))


def sse_endless(s, h, body):
    """An event's data without an end of line, comments without end, an event of many lines without end."""
    send(s, ok(b"", "Transfer-Encoding: chunked", kind="text/event-stream") + chunk(b"event: message\ndata: {"))
    for _ in range(40):
        send(s, chunk(b"x" * MIB))
    send(s, chunk(b"\n\n") + chunk((b": " + b"c" * 60 + b"\n") * 16384) * 16)
    for _ in range(32):
        send(s, chunk((b"data: " + b"y" * 57 + b"\n") * 16384))


def sse_cut(s, h, body):
    send(s, ok(b"", "Transfer-Encoding: chunked", kind="text/event-stream") + chunk(b'data: {"jsonrpc":"2.0","id":9,"resu'))


def chunk_lies(s, h, body):
    send(s, ok(b"", "Transfer-Encoding: chunked") + b"fffffffffffffffff\r\n" + answer(9) + b"\r\n0\r\n\r\n")


def long_answer(s, h, body):
    send(s, ok(b"", "Content-Length: 2147483648") + b'{"jsonrpc":"2.0","id":9,"result":{"x":"' + b"z" * MIB)


SERVER = {f.__name__.replace("_", "-"): f for f in (gzip_bomb, gzip_garbage, sse_endless, sse_cut, chunk_lies, long_answer)}


def accept_websocket(s):
    send(s, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mcp\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    drain(s)
    s.close()


def accept(s, case):
    first = s.recv(4, socket.MSG_PEEK)
    if first.startswith(b"GET"):
        read_request(s, b"")
        accept_websocket(s)
    else:
        try:
            serve_one(s, case)
        except (OSError, ValueError):
            drain(s)
            s.close()


def serve(case, port):
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        s, _ = listener.accept()
        threading.Thread(target=accept, args=(s, case), daemon=True).start()


# --- the client -------------------------------------------------------------------------------------


class Conn:
    def __init__(self):
        self.s = socket.create_connection(("127.0.0.1", PORT))
        self.s.settimeout(20)

    def send(self, data):
        try:
            self.s.sendall(data)
        except OSError:
            pass  # it was refused in the middle: that is the server's right

    def answer(self):
        """Reads one sound answer."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := self.s.recv(65536)):
                sys.exit("an answer is missing")
            data += more
        h, _, body = data.partition(b"\r\n\r\n")
        n = int(h.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < n:
            body += self.s.recv(65536)
        return body

    def ask(self, body, *fields):
        self.send(post(body, *fields))
        return self.answer()

    def close(self, wait=0.2):
        if self.s.fileno() < 0:
            return
        self.s.settimeout(wait)
        try:
            while self.s.recv(MIB):
                pass
        except OSError:
            pass
        self.s.close()

    def all(self):
        self.close(30)


def two_lengths(b):
    inner = post(call(66, "smuggled"))
    b.send(head(f"Content-Length: {len(inner) + 5}", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + inner)


def different_lengths(b):
    body = call(9, "bad")
    b.send(head(f"Content-Length: {len(body)}", f"Content-Length: {len(body) + 40}") + body + b" " * 40)


def huge_length(b):
    b.send(head("Content-Length: 2147483648") + call(9, "bad", '{"x":"')[:-3] + b"q" * (4 * MIB))


def endless_head(b):
    b.send(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n")
    for i in range(32):
        b.send(b"".join(b"X-Field-%d: %s\r\n" % (j, b"v" * 100) for j in range(8000)))


def endless_field(b):
    b.send(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: ")
    for i in range(32):
        b.send(b"v" * MIB)


def answered(b):
    b.send(post(call(9, "bad")))
    b.all()


def ids(b):
    """Ids of every JSON type, and of none."""
    for rpc_id in ("null", "true", "{}", '{"a":[1]}', "[]", "1.5", "-0", "1e400", '""', '"1"', "1", "1.0",
                   "123456789012345678901234567890", '"\\u0000"', '"\\ud800"', '"' + "i" * 100_000 + '"', "7,\"id\":8"):
        b.ask(call(rpc_id, "odd"))


def same_id(b):
    """The same id twice in flight, on two connections of one session; answered in the other order."""
    other = Conn()
    body = call(50, "twice")
    b.send(head(f"Content-Length: {len(body)}") + body[:-1])
    other.send(head(f"Content-Length: {len(body)}") + body[:-1])
    time.sleep(0.2)
    other.send(body[-1:])
    other.answer()
    b.send(body[-1:])
    b.answer()
    other.close()


def nested(b):
    deep = 100_000
    b.ask(call(9, "deep", '{"a":' + "[" * deep + "]" * deep + "}"))
    b.ask(call(10, "deep", '{"a":' * deep + "1" + "}" * deep))


def websocket_lies(b):
    """Frames that lie: of lengths, masks, opcodes; each on a connection of its own."""
    key = b"\1\2\3\4"
    text = call(9, "bad")
    masked = bytes(c ^ key[i % 4] for i, c in enumerate(text))
    lies = {
        "no mask": bytes([0x81, 126]) + struct.pack(">H", len(text)) + text,
        "2^63 - 1 bytes": bytes([0x81, 0xff]) + struct.pack(">Q", (1 << 63) - 1) + key + masked,
        "2^64 - 1 bytes": bytes([0x81, 0xff]) + struct.pack(">Q", (1 << 64) - 1) + key + masked,
        "a long ping": bytes([0x89, 0xfe]) + struct.pack(">H", len(text)) + key + masked,
        "reserved": bytes([0xf3, 0xfe]) + struct.pack(">H", len(text)) + key + masked,
        "continues nothing": bytes([0x80, 0xfe]) + struct.pack(">H", len(text)) + key + masked,
        "too long a form": bytes([0x81, 0xff]) + struct.pack(">Q", len(text)) + key + masked,
        "endless fragments": bytes([0x01, 0x80]) + key + (bytes([0x00, 0xfe]) + struct.pack(">H", 65535) + key
                                                          + b"f" * 65535) * 700,
    }
    for lie in lies.values():
        c = Conn()
        c.send(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Key: " + base64.b64encode(b"x" * 16) + b"\r\n\r\n")
        c.s.recv(65536)
        c.send(lie)
        c.close()


CASES = {"two-lengths": two_lengths, "different-lengths": different_lengths, "huge-length": huge_length,
         "endless-head": endless_head, "endless-field": endless_field, "ids": ids, "same-id": same_id, "nested": nested,
         "websocket-lies": websocket_lies, **{name: answered for name in SERVER}}

FRESH, CASE = sys.argv[1].startswith("fresh-"), sys.argv[1].removeprefix("fresh-")
if len(sys.argv) > 2:
    serve(CASE, int(sys.argv[2]))
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = probe.getsockname()[1]
server = subprocess.Popen([sys.executable, __file__, sys.argv[1], str(PORT)])
try:
    for _ in range(200):
        try:
            a = Conn()
            break
        except OSError:
            time.sleep(0.05)
    a.ask(b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
          b'"clientInfo":{"name":"badhttp","version":"1"}}}')
    assert json.loads(a.ask(call(1)))["id"] == 1
    b = Conn()
    if not FRESH:
        b.ask(call(4))
    CASES[CASE](b)
    b.close()
    assert json.loads(a.ask(call(2)))["id"] == 2
    c = Conn()
    assert json.loads(c.ask(call(3)))["id"] == 3
    for x in a, c:
        x.close()
finally:
    server.terminate()
    server.wait()
