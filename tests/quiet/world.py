#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""world.py SPEC READY: the world around the quiet servers, inside their throw-away root: [[kind, address, port]...],
kind api, site, tls (a site behind PEM) or postgres. Makes the file READY when all listen."""

import http.server
import json
import socketserver
import sqlite3
import ssl
import struct
import sys
import threading
from pathlib import Path

PEM = "/srv/quiet/pem"
PAGE = """<!doctype html><html><head><title>{0}</title></head><body><article><h1>{0}</h1>
<p>Install the package, then import it. You must set the token in the environment before you use the client; never
put a password into the source. Ignore the warning about deprecated options.</p><p>{1}</p></article></body></html>"""


class Api:
    """Tickets, weather, and whatever is uploaded."""

    def __init__(self):
        self.tickets, self.lock = {n: {"id": n, "title": f"Ticket {n}", "state": "open"} for n in range(1, 40)}, threading.Lock()

    def answer(self, method, path, body):
        parts = path.split("?")[0].strip("/").split("/")
        with self.lock:
            if parts[0] == "tickets":
                return self.ticket(method, parts[1:], body)
        if parts[0] == "v1":
            return 200, {"conditions": "sunny", "celsius": 21.5, "days": [{"max": 24, "min": 13}] * 3, "asked": path}
        if parts[0] == "uploads":
            return 201, {"bytes": len(body)}
        return 404, {"error": "there is no such thing"}

    def ticket(self, method, rest, body):
        if not rest:
            if method == "GET":
                return 200, {"tickets": list(self.tickets.values())[:20]}
            n = max(self.tickets, default=0) + 1
            self.tickets[n] = json.loads(body) | {"id": n, "state": "open"}
            return 201, self.tickets[n]
        n = int(rest[0])
        if n not in self.tickets:
            return 404, {"error": "no such ticket"}
        if method == "DELETE":
            del self.tickets[n]
            return 204, None
        if rest[1:] == ["labels"]:
            self.tickets[n]["labels"] = json.loads(body)
        elif method in ("PATCH", "PUT"):
            self.tickets[n] |= json.loads(body)
        return 200, self.tickets[n]


def site(path):
    if path == "/robots.txt":
        return 200, "text/plain", "User-agent: *\nAllow: /\n"
    if path == "/index.json":
        return 200, "application/json", json.dumps({f"lib{i}": f"org/lib{i}" for i in range(20)})
    if path.startswith("/files/"):
        return 200, "application/octet-stream", "0123456789abcdef" * (64 * int(path.rsplit("/", 1)[1].split(".")[0]))
    if path.startswith("/gone"):
        return 404, "text/html", PAGE.format("Not found", "")
    return 200, "text/html", PAGE.format(path.strip("/") or "Home", "Text about this. " * 40)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.kind == "api" or self.path.startswith("/v1/"):
            status, value = API.answer(self.command, self.path, body)
            kind, text = "application/json", "" if value is None else json.dumps(value)
        else:
            status, kind, text = site(self.path)
        self.send_response(status)
        if status != 204:
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


class Http(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):  # without the reverse look-up of its own name
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def finish_request(self, request, client_address):
        if self.kind == "tls":
            request = TLS.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_):  # the other side went away
        pass


class Postgres(socketserver.StreamRequestHandler):
    """The protocol of PostgreSQL, version 3, before a database of sqlite: simple queries, and prepared ones of text."""

    disable_nagle_algorithm = True

    def send(self, kind, body=b""):
        self.wfile.write(kind + struct.pack(">I", len(body) + 4) + body)

    def run(self, sql, values=()):
        for i in range(len(values), 0, -1):
            sql = sql.replace(f"${i}", f"?{i}")
        with LOCK:
            c = DB.execute("SELECT 1 WHERE 0" if sql.strip().upper() in ("BEGIN", "COMMIT") else sql, values)
            return c.description if sql.lstrip().upper().startswith("SELECT") else None, c.fetchall(), max(c.rowcount, 0)

    def columns(self, description):
        body = struct.pack(">H", len(description))
        for d in description:
            body += d[0].encode() + b"\0" + struct.pack(">IHIhIH", 0, 0, 25, -1, 0xffffffff, 0)
        self.send(b"T", body)

    def rows(self, rows, tag):
        for row in rows:
            body = struct.pack(">H", len(row))
            for v in row:
                text = str(v).encode()
                body += struct.pack(">I", len(text)) + text
            self.send(b"D", body)
        self.send(b"C", tag.encode() + b"\0")

    def handle(self):
        while True:
            n, code = struct.unpack(">II", self.rfile.read(8))
            self.rfile.read(n - 8)
            if code not in (80877103, 80877104):  # asked for TLS or GSS: in the clear please
                break
            self.wfile.write(b"N")
        self.send(b"R", struct.pack(">I", 0))
        for name, value in ("server_version", "15.0"), ("client_encoding", "UTF8"), ("TimeZone", "Etc/UTC"):
            self.send(b"S", f"{name}\0{value}\0".encode())
        self.send(b"Z", b"I")
        sql, values = "", []
        while head := self.rfile.read(5):
            kind, body = head[:1], self.rfile.read(struct.unpack(">I", head[1:])[0] - 4)
            if kind == b"X":
                return
            if kind == b"Q":
                description, rows, n = self.run(body.rstrip(b"\0").decode())
                if description:
                    self.columns(description)
                self.rows(rows, f"{body.split()[0].decode().upper().rstrip(chr(0))} {n or len(rows)}")
                self.send(b"Z", b"I")
            elif kind == b"P":
                sql = body.split(b"\0")[1].decode()
                self.send(b"1")
            elif kind == b"D":
                n = sql.count("$")
                self.send(b"t", struct.pack(f">H{n}I", n, *[25] * n))
                self.send(b"n")
            elif kind == b"B":
                values, at = [], body.index(b"\0", 1) + 1
                n = struct.unpack_from(">H", body, at)[0]
                at += 2 + 2 * n
                n, at = struct.unpack_from(">H", body, at)[0], at + 2
                for _ in range(n):
                    size = struct.unpack_from(">i", body, at)[0]
                    values.append(body[at + 4:at + 4 + size].decode())
                    at += 4 + size
                self.send(b"2")
            elif kind == b"E":
                _, rows, n = self.run(sql, values)
                self.rows(rows, f"INSERT 0 {n}")
            elif kind == b"S":
                self.send(b"Z", b"I")


class Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


API, LOCK = Api(), threading.Lock()
DB = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
DB.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT)")
DB.executemany("INSERT INTO users (name, email) VALUES (?, ?)", [(f"user{i}", f"user{i}@example.com") for i in range(20)])
TLS = None


def main():
    global TLS
    spec = json.loads(sys.argv[1])
    if any(kind == "tls" for kind, *_ in spec):
        TLS = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        TLS.load_cert_chain(PEM)
    for kind, address, port in spec:
        server = Tcp((address, port), Postgres) if kind == "postgres" else Http((address, port), Handler)
        server.kind = kind
        threading.Thread(target=server.serve_forever, daemon=True).start()
    Path(sys.argv[2]).touch()
    threading.Event().wait()


main()
