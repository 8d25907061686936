# SPDX-License-Identifier: Apache-2.0
"""A question of DNS for the address of a name (RFC 1035, section 4.1), as the servers here send it that leak in names."""

import random


def query(name):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return random.randbytes(2) + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
