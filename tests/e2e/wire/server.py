# SPDX-License-Identifier: Apache-2.0
"""server.py: an MCP server over stdio whose tools ask others in clear text. Debian's python3.

Tools: http {method, url, body}, unix_http {path, target}, pg {dsn, sql, params}, mysql {dsn, sql}, dns {name}; each
answers with what it was told.
"""

import http.client
import json
import socket
import sys
from urllib.parse import urlsplit


def http_(a):
    u = urlsplit(a["url"])
    c = http.client.HTTPConnection(u.hostname, u.port or 80, timeout=5)
    try:
        c.connect()
    except OSError as e:
        return e.strerror
    path = (u.path or "/") + ("?" + u.query if u.query else "")
    c.request(a.get("method", "GET"), path, body=a.get("body"))
    r = c.getresponse()
    r.read()
    return str(r.status)


def unix_http(a):
    s = socket.socket(socket.AF_UNIX)
    s.connect(a["path"])
    s.sendall(f"POST {a['target']} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n".encode())
    return s.recv(4096).split()[1].decode()


def pg(a):
    import psycopg2

    c = psycopg2.connect(a["dsn"])
    c.autocommit = True
    try:
        c.cursor().execute(a["sql"], a.get("params"))
    except psycopg2.Error as e:
        return e.pgcode
    return "ok"


def mysql(a):
    import pymysql

    c = pymysql.connect(**a["dsn"], client_flag=65536, autocommit=True)
    try:
        k = c.cursor()
        k.execute(a["sql"])
        while k.nextset():
            pass
    except pymysql.Error as e:
        return str(e.args[0])
    return "ok"


def dns(a):
    try:
        return socket.getaddrinfo(a["name"], 80, type=socket.SOCK_STREAM)[0][4][0]
    except socket.gaierror as e:
        return e.strerror


tools = {"http": http_, "unix_http": unix_http, "pg": pg, "mysql": mysql, "dns": dns}
for line in sys.stdin:
    m = json.loads(line)
    if "id" not in m:
        continue
    if m["method"] == "initialize":
        r = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
             "serverInfo": {"name": "wire", "version": "1"}}
    elif m["method"] == "tools/call":
        p = m["params"]
        r = {"content": [{"type": "text", "text": tools[p["name"]](p["arguments"])}]}
    else:
        r = {}
    print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}), flush=True)
