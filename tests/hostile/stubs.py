# SPDX-License-Identifier: Apache-2.0
"""The world around a server in a throw-away root: what listens there, and what it was told.

A stub is {"kind": …, "addr": …, "port": …}:
  http      "routes" {path: [status, {header: value}, body]}; any other path answers 200 "ok". Seen: {kind, at, method, path, headers, body}
  tcp       reads to the end. Seen: {kind, at, text, n}: the first 64 KiB and the length
  dns       "names" {name: [address, …]}, taken in turn, the last one for ever; "any" answers the rest. Seen: {kind, at, name}
  postgres  lets anyone in and completes every simple query. Seen: {kind, at, sql}
Whatever is seen becomes one JSON line of the log before the answer is sent.
"""

import http.server
import json
import socket
import socketserver
import struct
import threading


def start(stubs, log):
    lock = threading.Lock()

    def saw(**what):
        with lock:
            log.write(json.dumps(what) + "\n")
            log.flush()

    for s in stubs:
        server = KINDS[s["kind"]](s, saw)
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()


def at(s):
    return f"{s['addr']}:{s['port']}"


def bound(base, s, handler):
    class Server(base):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 64
        address_family = socket.AF_INET6 if ":" in s["addr"] else socket.AF_INET

        def handle_error(self, *_):  # the other side went away
            pass

    return Server((s["addr"], s["port"]), handler)


def http_stub(s, saw):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            n = int(self.headers.get("content-length") or 0)
            body = b""
            if n:
                body = self.rfile.read(min(n, 65536))
                left = n - len(body)
                while left > 0 and (more := self.rfile.read(min(left, 1 << 20))):
                    left -= len(more)
            saw(kind="http", at=at(s), method=self.command, path=self.path, headers=dict(self.headers), body=body.decode("utf-8", "replace"), n=n)
            status, headers, text = s.get("routes", {}).get(self.path.split("?")[0], [200, {}, "ok"])
            data = text.encode()
            self.send_response(status)
            for k, v in headers.items():
                self.send_header(k, v)
            self.send_header("content-length", str(len(data)))
            self.send_header("connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *_):
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        def server_bind(self):  # without the reverse look-up of its own name
            socketserver.TCPServer.server_bind(self)
            self.server_name, self.server_port = s["addr"], s["port"]

    return bound(Quiet, s, Handler)


def tcp_stub(s, saw):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            head, n = b"", 0
            while data := self.request.recv(1 << 16):
                n += len(data)
                head = (head + data)[:65536]
            saw(kind="tcp", at=at(s), text=head.decode("utf-8", "replace"), n=n)

    return bound(socketserver.ThreadingTCPServer, s, Handler)


def dns_stub(s, saw):
    turns = {name: list(addresses) for name, addresses in s.get("names", {}).items()}

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            data, sock = self.request
            i, labels = 12, []
            while data[i]:
                labels.append(data[i + 1:i + 1 + data[i]].decode("ascii", "replace"))
                i += 1 + data[i]
            kind, name = data[i + 1:i + 3], ".".join(labels).lower()
            saw(kind="dns", at=at(s), name=name, type=int.from_bytes(kind, "big"))
            left = turns.get(name, [s["any"]] if "any" in s else [])
            answer = b""
            if left and kind == b"\0\1":
                answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(left.pop(0) if len(left) > 1 else left[0])
            flags = 0x8180 if left else 0x8183
            head = data[:2] + struct.pack(">HHHHH", flags, 1, 1 if answer else 0, 0, 0)
            sock.sendto(head + data[12:i + 5] + answer, self.client_address)

    return bound(socketserver.ThreadingUDPServer, s, Handler)


def postgres_stub(s, saw):
    def message(kind, body=b""):
        return kind + struct.pack(">I", len(body) + 4) + body

    class Handler(socketserver.BaseRequestHandler):
        def take(self, n):
            data = b""
            while len(data) < n:
                more = self.request.recv(n - len(data))
                if not more:
                    raise ConnectionError
                data += more
            return data

        def handle(self):
            while True:
                n, code = struct.unpack(">II", self.take(8))
                self.take(n - 8)
                if code not in (80877103, 80877104):  # SSLRequest, GSSENCRequest: no, in the clear please
                    break
                self.request.sendall(b"N")
            ready = message(b"Z", b"I")
            self.request.sendall(message(b"R", struct.pack(">I", 0)) + message(b"S", b"server_version\0" b"15.0\0") + ready)
            while True:
                kind, n = self.take(1), struct.unpack(">I", self.take(4))[0]
                body = self.take(n - 4)
                if kind == b"X":
                    return
                if kind == b"Q":
                    sql = body.rstrip(b"\0").decode("utf-8", "replace")
                    saw(kind="postgres", at=at(s), sql=sql)
                    self.request.sendall(message(b"C", b" ".join(sql.upper().encode().split()[:2]) + b"\0") + ready)

    return bound(socketserver.ThreadingTCPServer, s, Handler)


KINDS = {"http": http_stub, "tcp": tcp_stub, "dns": dns_stub, "postgres": postgres_stub}
