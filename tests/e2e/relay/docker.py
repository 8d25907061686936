# SPDX-License-Identifier: Apache-2.0
"""docker.py daemon SOCKET | docker.py run SOCKET CMD...: the shape of `docker run -i`, without an engine.

The CLI asks for an attachment over a unix socket, the connection is hijacked (101), its stdin goes there as
it is; the daemon starts the program on pipes and sends its output back in docker's frames (stream, length).
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading

FRAME = struct.Struct(">BxxxI")


def head(s):
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            sys.exit(1)
        data += more
    first, _, rest = data.partition(b"\r\n\r\n")
    return first, rest


def attach(s):
    first, rest = head(s)
    n = int(first.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(rest) < n:
        rest += s.recv(65536)
    p = subprocess.Popen(json.loads(rest[:n])["Cmd"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    s.sendall(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n"
              b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")

    def inwards():
        data = rest[n:] or s.recv(32768)
        while data:
            p.stdin.write(data)
            data = s.recv(32768)
        p.stdin.close()

    threading.Thread(target=inwards, daemon=True).start()
    while data := os.read(p.stdout.fileno(), 32768):
        s.sendall(FRAME.pack(1, len(data)) + data)
    p.wait()
    s.close()


def daemon(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        s, _ = listener.accept()
        threading.Thread(target=attach, args=(s,), daemon=True).start()


def cli(path, argv):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    body = json.dumps({"Image": "x", "Cmd": argv, "OpenStdin": True}).encode()
    s.sendall(b"POST /v1.47/containers/x/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
              b"Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    _, data = head(s)

    def inwards():
        while some := os.read(0, 32768):
            s.sendall(some)
        s.shutdown(socket.SHUT_WR)

    threading.Thread(target=inwards, daemon=True).start()
    while True:
        while len(data) < FRAME.size or len(data) < FRAME.size + FRAME.unpack_from(data)[1]:
            more = s.recv(65536)
            if not more:
                return
            data += more
        n = FRAME.size + FRAME.unpack_from(data)[1]
        out = data[FRAME.size:n]
        while out:
            out = out[os.write(1, out):]
        data = data[n:]


if sys.argv[1] == "daemon":
    daemon(sys.argv[2])
else:
    cli(sys.argv[2], sys.argv[3:])
