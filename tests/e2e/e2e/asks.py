# SPDX-License-Identifier: Apache-2.0
"""What tools ask of others in clear text: real HTTP servers, name servers and databases on loopback. Each case gets
the binary and a folder and returns problems."""

import contextlib
import glob
import http.server
import json
import os
import re
import pwd
import shutil
import socketserver
import subprocess
import threading
import time

from . import build, matrix

PYTHON = "/usr/bin/python3"  # Debian's, which has the database drivers


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *args):
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    def get_request(self):
        return super().get_request()[0], ("", 0)

    def handle_error(self, *args):  # a client that goes away early
        pass


@contextlib.contextmanager
def serving(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def daemon(argv, ready, d, user):
    """A program as `user` until the block ends; ready() says that it answers."""
    with open(d / "daemon.log", "wb") as log:
        p = subprocess.Popen(list(map(str, argv)), stdout=log, stderr=log, user=user)
    try:
        for _ in range(1200):
            if ready():
                break
            if p.poll() is not None:
                raise build.Missing(f"{argv[0]} does not start: {(d / 'daemon.log').read_text()[-200:]}")
            time.sleep(0.1)
        yield
    finally:
        p.terminate()
        p.wait(60)


def calls(binary, d, wanted, before=()):
    """Each a tool and its arguments, one after the other. The effects of each call, by its number from 1."""
    steps = [["send", 0, json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "e2e", "version": "1"}}})], ["wait", 0, 1]]
    for i, (tool, args) in enumerate(wanted, 1):
        steps += [["send", 0, json.dumps({"jsonrpc": "2.0", "id": i, "method": "tools/call",
                                          "params": {"name": tool, "arguments": args}})], ["wait", 0, i + 1]]
    plan, out = d / "plan.json", d / "records.jsonl"
    plan.write_text(json.dumps({"argvs": [[PYTHON, str(build.HERE / "wire/server.py")]], "steps": steps, "bytewise": False}))
    subprocess.run([*before, binary, "exec", "--state", "none", "--quiet", "--output", out, "--", PYTHON, build.HERE / "raw/client.py", plan, d / "bytes"],
                   check=True, timeout=180, capture_output=True, text=True)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    ids = {r["rpc_id"]: r["call"] for r in records if r["type"] == "call"}
    gaps = [f"gap: {r}" for r in records if r["type"] == "gap"]
    return {i: [r for r in records if r["type"] == "effect" and r.get("call") == ids.get(str(i))] for i in range(1, len(wanted) + 1)}, gaps


def unkeyed(text):
    """The mark of what was redacted without its fingerprint, whose key is the run's own."""
    return re.sub(r"(\[REDACTED:[a-z0-9_-]+:\d+):[0-9a-f]{12}\]", r"\1]", text) if isinstance(text, str) else text


def compare(effects, kind, want, keys):
    """want: by call, what the effects of this kind are, in their order."""
    problems = []
    for i, rows in want.items():
        got = [tuple(unkeyed(r.get(k)) for k in keys) for r in effects[i] if r["kind"] == kind]
        if got != rows:
            problems.append(f"call {i}: {kind} {got}, expected {rows}")
    return problems


def http_(binary, d):
    keys = "verb", "object", "target", "mode", "result"
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as tcp, serving(UnixServer(str(d / "sock"), Handler)):
        at, sock = f"http://127.0.0.1:{tcp.server_port}", f"http://unix:{d}/sock:"
        effects, problems = calls(binary, d, [
            ("http", {"method": "DELETE", "url": f"{at}/orders/4711?token=abc"}), ("http", {"url": f"{at}/missing"}),
            ("http", {"method": "PUT", "url": f"{at}/big", "body": "x" * 300_000}),
            ("unix_http", {"path": str(d / "sock"), "target": "/v1.41/x"})])
    return problems + compare(effects, "net.http", {
        1: [("DELETE", f"{at}/orders/4711?token=[REDACTED:key:3]", f"{at}/orders/4711", "200", "ok")],
        2: [("GET", f"{at}/missing", f"{at}/missing", "404", "ok")],
        3: [("PUT", f"{at}/big", f"{at}/big", "200", "ok")],
        4: [("POST", f"{sock}/v1.41/x", f"{sock}/v1.41/x", "200", "ok")]}, keys)


def dns(binary, d):
    """In network and mount namespaces of its own, with a resolver of its own."""
    (d / "resolv.conf").write_text("nameserver 127.0.0.53\noptions timeout:2 attempts:1\n")
    (d / "nsswitch.conf").write_text("hosts: dns\n")
    setup = f'ip link set lo up; for f in resolv nsswitch; do mount --bind {d}/$f.conf /etc/$f.conf; done; exec "$@"'
    before = ["unshare", "-n", "-m", "sh", "-ec", setup, "sh", PYTHON, build.HERE / "wire/nameserver.py", "127.0.0.53", "--"]
    if not shutil.which("ip"):
        raise build.Missing("no ip (iproute2)")
    effects, problems = calls(binary, d, [("dns", {"name": "api.example.test"}), ("dns", {"name": "no.example.test"}),
                                          ("http", {"url": "http://api.example.test:9/"})], before)
    problems += compare(effects, "net.dns", {
        1: [("api.example.test", "A", "127.0.0.11", "NOERROR", "ok"), ("api.example.test", "AAAA", None, "NOERROR", "ok")],
        2: [("no.example.test", t, None, "NXDOMAIN", "ENOENT") for t in ("A", "AAAA")]}, ("target", "verb", "object", "mode", "result"))
    return problems + [p for p in compare(effects, "net.connect", {3: [
        ("127.0.0.53:53", None, "ok"), ("127.0.0.11:9", "api.example.test", "ECONNREFUSED")]}, ("target", "name", "result"))]


def user(name):
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        raise build.Missing(f"no user {name}") from None


def owned(d, who):
    d.parent.chmod(0o755)
    d.mkdir()
    shutil.chown(d, who)
    return d


STATEMENT = "verb", "object", "asked", "mode", "result", "target"


def postgres(binary, d):
    found, who = glob.glob("/usr/lib/postgresql/*/bin/postgres"), user("postgres")
    if not found or subprocess.run([PYTHON, "-c", "import psycopg2"], capture_output=True).returncode:
        raise build.Missing("no PostgreSQL or psycopg2")
    home, port = owned(d / "pg", who), matrix.free_port()
    subprocess.run([os.path.join(os.path.dirname(found[-1]), "initdb"), "-D", home / "data", "-A", "trust"],
                   check=True, capture_output=True, text=True, user=who, timeout=180)
    argv = [found[-1], "-D", home / "data", "-p", port, "-k", home, "-c", "listen_addresses=127.0.0.1", "-c", "ssl=off"]
    tcp, sock = f"postgresql://127.0.0.1:{port}/postgres", f"postgresql://unix:{home}/.s.PGSQL.{port}:/postgres"
    with daemon(argv, lambda: os.path.exists(home / f".s.PGSQL.{port}") and "ready to accept" in (d / "daemon.log").read_text(), d, who):
        dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        effects, problems = calls(binary, d, [
            ("pg", {"dsn": dsn, "sql": "CREATE TABLE orders(id text)"}),
            ("pg", {"dsn": dsn, "sql": "DELETE FROM orders WHERE id=%s", "params": ["ord-4711"]}),
            ("pg", {"dsn": f"host={home} port={port} user=postgres dbname=postgres",
                    "sql": "WITH x AS (SELECT 1) UPDATE public.orders SET id=2; DROP TABLE nothing; TRUNCATE orders"}),
            ("pg", {"dsn": dsn, "sql": "ALTER USER postgres PASSWORD 'hunter2'"})])
    return problems + compare(effects, "db.statement", {
        1: [("CREATE", "orders", "CREATE TABLE orders(id text)", None, "ok", tcp)],
        2: [("DELETE", "orders", "DELETE FROM orders WHERE id='ord-4711'", None, "ok", tcp)],
        3: [("UPDATE", "public.orders", "WITH x AS (SELECT 1) UPDATE public.orders SET id=2", None, "ok", sock),
            ("DROP", "nothing", "DROP TABLE nothing", "42P01", "EREMOTEIO", sock),
            ("TRUNCATE", "orders", "TRUNCATE orders", None, "ECANCELED", sock)],
        4: [("ALTER", "postgres", "ALTER USER postgres PASSWORD '[REDACTED:key:7]'", None, "ok", tcp)]}, STATEMENT)


def mysql(binary, d):
    if not os.path.exists("/usr/sbin/mariadbd") or subprocess.run([PYTHON, "-c", "import pymysql"], capture_output=True).returncode:
        raise build.Missing("no MariaDB or pymysql")
    who, port = user("nobody"), matrix.free_port()
    home = owned(d / "my", who)
    subprocess.run(["mariadb-install-db", "--no-defaults", f"--user={who}", f"--datadir={home}/data", "--auth-root-authentication-method=normal"],
                   check=True, capture_output=True, text=True, timeout=180)
    argv = ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={home}/data", f"--port={port}", "--bind-address=127.0.0.1",
            f"--socket={home}/sock", f"--pid-file={home}/pid"]
    tcp, sock = f"mysql://127.0.0.1:{port}/test", f"mysql://unix:{home}/sock:/test"
    with daemon(argv, lambda: "ready for connections" in (d / "daemon.log").read_text(errors="replace"), d, who):
        dsn = {"user": "root", "database": "test"}
        effects, problems = calls(binary, d, [
            ("mysql", {"dsn": dsn | {"host": "127.0.0.1", "port": port}, "sql": "CREATE TABLE t(a int)"}),
            ("mysql", {"dsn": dsn | {"host": "127.0.0.1", "port": port},
                       "sql": "INSERT INTO t VALUES(1);SELECT * FROM t;/*! DELETE */ FROM t;DROP TABLE nothing;DROP TABLE t"}),
            ("mysql", {"dsn": dsn | {"unix_socket": f"{home}/sock"}, "sql": "TRUNCATE t"})])
    return problems + compare(effects, "db.statement", {
        1: [("CREATE", "t", "CREATE TABLE t(a int)", None, "ok", tcp)],
        2: [("INSERT", "t", "INSERT INTO t VALUES(1)", None, "ok", tcp), ("SELECT", "t", "SELECT * FROM t", None, "ok", tcp),
            ("DELETE", "t", "/*! DELETE */ FROM t", None, "ok", tcp),
            ("DROP", "nothing", "DROP TABLE nothing", "1051", "EREMOTEIO", tcp), ("DROP", "t", "DROP TABLE t", None, "ECANCELED", tcp)],
        3: [("TRUNCATE", "t", "TRUNCATE t", None, "ok", sock)]}, STATEMENT)


CASES = {"asks-http": http_, "asks-dns": dns, "asks-postgres": postgres, "asks-mysql": mysql}
