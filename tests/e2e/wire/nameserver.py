# SPDX-License-Identifier: Apache-2.0
"""nameserver.py ADDRESS -- CMD [ARG...]: serves DNS on ADDRESS:53 while CMD runs, whose status is its own.

api.example.test is 127.0.0.11 and has no IPv6 address; nothing else has a name."""

import socket
import struct
import subprocess
import sys
import threading


def serve(s):
    while True:
        q, whom = s.recvfrom(2048)
        end, labels = 12, []
        while q[end]:
            labels.append(q[end + 1:end + 1 + q[end]].decode())
            end += 1 + q[end]
        known = ".".join(labels).lower() == "api.example.test"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\x0b" if known and q[end + 2] == 1 else b""
        head = q[:2] + struct.pack(">5H", 0x8180 | (0 if known else 3), 1, 1 if answer else 0, 0, 0)
        s.sendto(head + q[12:end + 5] + answer, whom)


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
threading.Thread(target=serve, args=(s,), daemon=True).start()
sys.exit(subprocess.run(sys.argv[3:]).returncode)
