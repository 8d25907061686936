# SPDX-License-Identifier: Apache-2.0
"""What a client really sent and got: the tap's files (tap/tap.c), taken apart.

Parsers of their own, of finished streams, written from the RFCs and the SSE specification: nothing of
mcpwatch is used to say what mcpwatch should have seen.
"""

import dataclasses
import json
import re
import struct

HEAD = struct.Struct("=QII")


class Broken(Exception):
    """A stream that no honest peer made: the run, not mcpwatch, is at fault."""


@dataclasses.dataclass
class Message:
    """One JSON-RPC message, or batch, as it passed the client's end."""

    dir: str  # c2s, s2c
    bytes: bytes
    transport: str  # stdio, http, sse, websocket
    conn: int
    http: dict | None = None  # method, path, status and session of what carried it
    value: object = None


def streams(files):
    """(process, inode) -> (sent, got) of each pipe and socket."""
    ret = {}
    for f in files:
        data, at = f.read_bytes(), 0
        while at < len(data):
            ino, direction, n = HEAD.unpack_from(data, at)
            at += HEAD.size
            ret.setdefault((f.name, ino), (bytearray(), bytearray()))[direction].extend(data[at:at + n])
            at += n
    return [(bytes(sent), bytes(got)) for sent, got in ret.values()]


def rpc(data):
    """The value of a JSON-RPC message or batch; None if it is none."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    one = value[0] if isinstance(value, list) and value else value
    return value if isinstance(one, dict) and one.get("jsonrpc") == "2.0" else None


def messages(files):
    ret = []
    for i, (sent, got) in enumerate(streams(files)):
        if re.match(rb"[A-Z]+ \S+ HTTP/1\.1\r\n", sent):
            found = http(sent, got)
        else:
            found = [Message(d, line, "stdio", 0) for d, data in (("c2s", sent), ("s2c", got))
                     for line in data.split(b"\n")[:-1]]
        for m in found:
            m.conn, m.value = i, rpc(m.bytes)
            if m.value is not None:
                ret.append(m)
    sse_posts = {m.http["path"] for m in ret if m.transport == "sse" and m.dir == "c2s"}
    if any(m.transport == "sse" for m in ret) and not sse_posts:
        raise Broken("answers on an SSE stream that nothing was posted to")
    return ret


# --- HTTP/1.1 ---------------------------------------------------------------------------------------


def head(data, at):
    """(start line, fields, where the body begins) or None if it is not whole."""
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    first, *lines = data[at:end].decode("latin-1").split("\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    return first, fields, end + 4


def body(data, at, fields, none, to_close):
    """(body, where the next message begins); what a cut body has."""
    if none:
        return b"", at
    if "chunked" in fields.get("transfer-encoding", "").lower():
        ret = bytearray()
        while True:
            end = data.find(b"\r\n", at)
            if end < 0:
                return bytes(ret), len(data)
            n = int(data[at:end].split(b";")[0], 16)
            if n == 0:
                end = data.find(b"\r\n", end + 2)  # no server here sends trailers
                return bytes(ret), end + 2 if end >= 0 else len(data)
            ret += data[end + 2:end + 2 + n]
            at = end + 2 + n + 2
    if "content-length" in fields:
        n = int(fields["content-length"])
        return data[at:at + n], at + n
    return (data[at:], len(data)) if to_close else (b"", at)


def http(sent, got):
    """The messages of one connection."""
    ret, at, requests = [], 0, []
    while at < len(sent) and (h := head(sent, at)):
        first, fields, at = h
        method, path, _ = first.split(" ")
        data, at = body(sent, at, fields, False, False)
        requests.append((method, path, fields, data))
        if "websocket" in fields.get("upgrade", "").lower():
            break
    answers, back = [], 0
    for method, path, asked, data in requests:
        while (h := head(got, back)) and h[0].split(" ")[1].startswith("1") and h[0].split(" ")[1] != "101":
            back = h[2]
        if not h:
            answers.append((0, {}, b""))
            continue
        first, fields, back = h
        status = int(first.split(" ")[1])
        if status == 101:
            carried = {"method": method, "path": path, "status": status, "session": None}
            return ([Message("c2s", p, "websocket", 0, carried) for p in frames(sent[at:])]
                    + [Message("s2c", p, "websocket", 0, carried) for p in frames(got[back:])])
        data, back = body(got, back, fields, method == "HEAD" or status in (204, 304), True)
        if fields.get("content-encoding", "identity") != "identity":
            raise Broken(f"an answer coded as {fields['content-encoding']}")
        answers.append((status, fields, data))
    for (method, path, asked, data), (status, fields, answer) in zip(requests, answers):
        session = asked.get("mcp-session-id") or fields.get("mcp-session-id")
        carried = {"method": method, "path": path, "status": status, "session": session}
        old = method == "POST" and status == 202 and rpc(data) is not None and is_request(rpc(data))
        if data:
            ret.append(Message("c2s", data, "sse" if old or is_old(path) else "http", 0, carried))
        if fields.get("content-type", "").startswith("text/event-stream"):
            found = list(events(answer))
            old = any(e == "endpoint" for e, _ in found)
            ret += [Message("s2c", d, "sse" if old else "http", 0, carried) for e, d in found if e != "endpoint"]
        elif answer:
            ret.append(Message("s2c", answer, "http", 0, carried))
    return ret


def is_request(value):
    return isinstance(value, dict) and "method" in value and "id" in value


def is_old(path):
    """The 2024 pair's endpoints: every server of the matrix has one of these."""
    return "sessionid=" in path.lower() or "session_id=" in path.lower()


def events(data):
    """(type, data) of the whole events of an SSE stream."""
    kind, lines = "message", []
    text = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    for line in re.split(rb"\r\n|\n|\r", text)[:-1]:
        if not line:
            if lines and b"\n".join(lines):
                yield kind, b"\n".join(lines)
            kind, lines = "message", []
            continue
        name, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if name == b"data":
            lines.append(value)
        elif name == b"event":
            kind = value.decode()


# --- WebSocket (RFC 6455) -----------------------------------------------------------------------------


def frames(data):
    """The text and binary messages of one direction."""
    at, parts = 0, bytearray()
    while at + 2 <= len(data):
        b0, n = data[at], data[at + 1] & 127
        masked, at = data[at + 1] & 128, at + 2
        if n >= 126:
            size = 2 if n == 126 else 8
            n, at = int.from_bytes(data[at:at + size], "big"), at + size
        key = data[at:at + 4] if masked else b"\0\0\0\0"
        at += 4 if masked else 0
        if at + n > len(data):
            return
        payload = (int.from_bytes(data[at:at + n], "little") ^ int.from_bytes((key * (n // 4 + 1))[:n], "little")
                   ).to_bytes(n, "little")
        at += n
        if b0 & 0x70:
            raise Broken("a WebSocket extension")
        if b0 & 15 < 8:
            parts += payload
            if b0 & 128:
                yield bytes(parts)
                parts.clear()
