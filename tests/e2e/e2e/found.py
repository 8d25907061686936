# SPDX-License-Identifier: Apache-2.0
"""mcpwatch run by itself: no configuration names anything, and what is MCP is found. Other servers of the
host may be found meanwhile; the cases look at their own. Each gets the binary and a folder and returns
problems."""

import contextlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import time

from . import build, cases, check
from .host import WAIT, client, daemon, ended, eventually, log_bytes, raw_server

HTTPD = build.HERE / "raw/httpd.py"


def is_mine(proc, d):
    return str(d) in " ".join([proc.get("exe", ""), *proc.get("argv", [])])


def mine(records, d):
    """Those of this case's servers, and of what was done in its folder."""
    ids = {r["server"]["id"] for r in records if r["type"] == "server" and is_mine(r["server"], d)}
    return [r for r in records
            if check.ident(r.get("server")) in ids or (r["type"] == "effect" and str(d) in json.dumps(r))]


def everything(data, truth, d):
    """As check.everything, of what is ours."""
    records, problems = check.parse(data)
    problems += check.form(records)
    log = check.Log(mine(records, d))
    more, ids = check.servers(log, truth)
    problems += check.counts(log, truth) + more
    more, pairs = check.pair(log, truth, ids)
    return problems + more + check.effects(log, truth, pairs)


def my_calls(d):
    return [r for r in mine(check.parse(log_bytes(d))[0], d) if r["type"] == "call" and r["method"] == "tools/call"]


def my_servers(d, event="seen"):
    return [r for r in check.parse(log_bytes(d))[0]
            if r["type"] == "server" and r["event"] == event and is_mine(r["server"], d)]


def recorded(d, n):
    """Waits for the records of n planned calls: all that was done before them has its record, too."""
    eventually(lambda: len(my_calls(d)), n)


def both_ends(ask, d):
    """Asks until the log has a request with both its ends: what the server was found by has taken effect, and whose the
    other end is has been looked up."""
    n = itertools.count(1000)

    def seen():
        ask(cases.message(next(n), "ping"))
        return any(r["type"] == "call" and r["method"] == "ping" and r["evidence"] == "complete"
                   for r in mine(check.parse(log_bytes(d))[0], d))
    eventually(seen)


def complete(s, d, n):
    """n planned calls, each with both its ends and its own effect."""
    calls = my_calls(d)
    problems = [] if len(calls) == n else [f"{len(calls)} calls, {n} made"]
    for r in calls:
        if (r["status"], r["evidence"]) != ("ok", "complete"):
            problems.append(f"call {r['rpc_id']}: {r['status']}, {r['evidence']}")
        planned = s.calls[int(r["rpc_id"]) - 1]
        wanted = [planned.arguments["path"]] if planned.tool == "delete" else []
        targets = [e["target"] for e in r.get("effects", []) if e["kind"] == "file.delete"]
        if targets != wanted:
            problems.append(f"call {r['rpc_id']}: deleted {targets}, expected {wanted}")
    return problems


def unseen(words, d):
    data = log_bytes(d)
    return [f"the log knows of {w}" for w in words if str(w).encode() in data]


# --- stdio ------------------------------------------------------------------------------------------


def stdio(binary, d):
    """A server that an unobserved client starts: both ends are seen, its start-up actions, too, and nothing
    of what the client does."""
    with daemon(binary, d, "") as p:
        truth = cases.raw(d, [s := raw_server(d, "found", "s")], cases.one_by_one(s, cases.MIX))
        secret = d / "of-the-client"
        subprocess.run(["/bin/sh", "-c", f': >"$0"; exec "$@"', secret, *map(str, truth.argv)], check=True, timeout=WAIT,
                       stdin=subprocess.DEVNULL)
        recorded(d, cases.CALLS)
    problems = ended(p) + truth.load() + everything(log_bytes(d), truth, d) + unseen([secret], d)
    if not any(r["type"] == "effect" and r["kind"] == "proc.exec" and r["target"] == f"{d}/found"
               for r in check.parse(log_bytes(d))[0]):
        problems.append("the server's exec is not recorded")
    return problems


def wrapped(binary, d):
    """Behind a shell that stays and does something itself: the shell is the server's, and one call is one."""
    with daemon(binary, d, "") as p:
        s = raw_server(d, "found", "s")
        marker = d / "of-the-shell"
        s.argv = ["/bin/sh", "-c", f': >{marker}; "$@"; exit $?', "sh", *s.argv]
        truth = client(s, d)
        recorded(d, cases.CALLS)
    problems = ended(p) + truth.load() + complete(s, d, cases.CALLS)
    if len(my_servers(d)) != 1:
        problems.append(f"servers: {[r['server'].get('argv') for r in my_servers(d)]}")
    if str(marker).encode() not in log_bytes(d):
        problems.append("what the wrapper did before is not recorded")
    return problems


def twice(binary, d):
    """Two daemons' worth of servers one after the other under one daemon: eight at once, and again."""
    with daemon(binary, d, "") as p:
        for i in range(2):
            servers = [raw_server(d, f"found{i}{k}", f"s{i}{k}") for k in range(8)]
            steps = [["send", k, cases.add_raw(s, "delete")] for _ in range(5) for k, s in enumerate(servers)]
            steps += [["wait", k, 6] for k in range(8)]
            (d / f"run{i}").mkdir()
            truth = cases.raw(d / f"run{i}", servers, steps, sequential=False)
            subprocess.run(list(map(str, truth.argv)), check=True, timeout=WAIT, stdin=subprocess.DEVNULL)
        recorded(d, 80)
    problems = ended(p)
    calls = my_calls(d)
    if len(calls) != 80 or any(r["evidence"] != "complete" or r["status"] != "ok" for r in calls):
        problems.append(f"{len(calls)} calls: {sorted({(r['status'], r['evidence']) for r in calls})}")
    if len(my_servers(d)) != 16 or len(my_servers(d, "gone")) != 16:
        problems.append(f"{len(my_servers(d))} servers seen, {len(my_servers(d, 'gone'))} gone")
    return problems


def nothing(binary, d):
    """Pipelines, jobs and services with sockets and pipes at both ends are no MCP: nothing is kept of them."""
    with daemon(binary, d, "") as p:
        words = [d / "of-the-job", d / "of-the-pipe", d / "of-the-service", d / "of-the-quiet"]
        both = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        job = subprocess.Popen(["/bin/sh", "-c", f': >{words[0]}; rm {words[0]}; cat; seq 20000'], **both)
        job.communicate(b"x" * 100000, timeout=WAIT)
        pipe = subprocess.Popen(["/bin/sh", "-c", f"(seq 20000; : >{words[1]}) | tee /dev/null | wc -l"], **both)
        pipe.communicate(b"", timeout=WAIT)
        ours, theirs = socket.socketpair()
        service = subprocess.Popen(["/bin/sh", "-c", f": >{words[2]}; seq 20000; cat >/dev/null; rm {words[2]}"],
                                   stdin=theirs, stdout=theirs)
        theirs.close()
        while not ours.recv(65536).endswith(b"20000\n"):
            pass
        quiet = subprocess.Popen(["/bin/sh", "-c", f": >{words[3]}; read x; rm {words[3]}"], **both)
        time.sleep(1)
        ours.shutdown(socket.SHUT_WR)
        service.wait(WAIT)
        quiet.communicate(b"\n", timeout=WAIT)
        time.sleep(0.3)
    return ended(p) + unseen(words, d)


def running(binary, d):
    """A server and its client that talked before the daemon came: joined in the middle."""
    s = raw_server(d, "found", "s")
    server = subprocess.Popen(s.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(line):
        server.stdin.write(line.encode() + b"\n")
        server.stdin.flush()
        return server.stdout.readline()

    try:
        ask(cases.INITIALIZE)
        with daemon(binary, d, "") as p:
            for tool in cases.MIX:
                ask(cases.add_raw(s, tool))
                if len(s.calls) == 1:
                    eventually(lambda: bool(my_servers(d)))
                    both_ends(ask, d)
            recorded(d, len(cases.MIX))
    finally:
        server.stdin.close()
        server.wait(WAIT)
    return ended(p) + later(s, d, len(cases.MIX))


def later(s, d, n, joined=None):
    """As complete, but the first of the calls may have shown what the server is: what was done before that,
    and who sent it, may be missing. joined: the first call since the client is looked at. Whether the server
    has read its request before the client's call that wrote it is over is chance; until that end was seen once
    nobody waits for it."""
    calls = my_calls(d)
    problems = [] if len(calls) == n else [f"{len(calls)} calls, {n} made"]
    for r in calls:
        first = r["rpc_id"] == "1"
        allowed = ("complete", "one_sided") if r["rpc_id"] == joined else ("complete",)
        if r["status"] != "ok" or (r["evidence"] not in allowed and not first):
            problems.append(f"call {r['rpc_id']}: {r['status']}, {r['evidence']}")
        planned = s.calls[int(r["rpc_id"]) - 1]
        targets = [e["target"] for e in r.get("effects", []) if e["kind"] == "file.delete"]
        if not first and targets != ([planned.arguments["path"]] if planned.tool == "delete" else []):
            problems.append(f"call {r['rpc_id']}: deleted {targets}")
    return problems


# --- HTTP -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def httpd(d):
    """An HTTP server whose argv names the folder; its port in .port."""
    (d / "port").unlink(missing_ok=True)
    p = subprocess.Popen([build.PYTHON, str(HTTPD), str(d / "port")], stdin=subprocess.DEVNULL)
    try:
        for _ in range(WAIT * 100):
            if (d / "port").exists():
                break
            time.sleep(0.01)
        p.port = int((d / "port").read_text())
        yield p
    finally:
        p.terminate()
        p.wait(WAIT)


class Posts:
    """A client of one connection."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)

    def ask(self, line):
        self.http.request("POST", "/mcp", line, {"content-type": "application/json",
                                                 "accept": "application/json, text/event-stream"})
        return self.http.getresponse().read()


def folder_server(d):
    from .truth import Server
    return Server([], "", [], d / "s")


def http_before(binary, d):
    """An HTTP server that listened, and had a connection, before the daemon came."""
    s = folder_server(d)
    with httpd(d) as h:
        c = Posts(h.port)
        c.ask(cases.INITIALIZE)
        with daemon(binary, d, "") as p:
            for tool in cases.MIX:
                c.ask(cases.add_raw(s, tool))
                if len(s.calls) == 1:
                    eventually(lambda: bool(my_servers(d)))
                    both_ends(c.ask, d)
            recorded(d, len(cases.MIX))
    return ended(p) + later(s, d, len(cases.MIX), joined="2") + over_http(d, h.port)


def http_after(binary, d):
    """One that is started while the daemon runs."""
    s = folder_server(d)
    with daemon(binary, d, "") as p, httpd(d) as h:
        c = Posts(h.port)
        c.ask(cases.INITIALIZE)
        eventually(lambda: bool(my_servers(d)))
        both_ends(c.ask, d)
        for tool in cases.MIX:
            c.ask(cases.add_raw(s, tool))
        # another client, known by the server's port from its connect on
        c = Posts(h.port)
        for tool in cases.MIX:
            c.ask(cases.add_raw(s, tool))
        recorded(d, 2 * len(cases.MIX))
    return ended(p) + later(s, d, 2 * len(cases.MIX)) + over_http(d, h.port)


def over_http(d, port):
    problems = [f"{len(my_servers(d))} servers seen"] if len(my_servers(d)) != 1 else []
    for r in my_servers(d):
        if r["transport"] != "http" or r["server"].get("addr") != f"127.0.0.1:{port}":
            problems.append(f"server: {r['transport']} at {r['server'].get('addr')}, expected http at port {port}")
    return problems


# --- what the configuration and others' say ---------------------------------------------------------


def ignored(binary, d):
    """What is to be ignored is, and what it starts; the rest is found."""
    config = f"ignore:\n  - exe: '{d}/hidden'\n  - argv: '*{d}/apart*'\n"
    with daemon(binary, d, config) as p:
        (d / "a").mkdir()
        (d / "b").mkdir()
        (d / "c").mkdir()
        client(raw_server(d, "hidden", "a/s"), d / "a")
        s = raw_server(d, "below", "b/s")
        s.argv = ["/bin/sh", "-c", '"$@"; exit $?', f"{d}/apart", *s.argv]
        client(s, d / "b")
        client(raw_server(d, "found", "c/s"), d / "c")
        recorded(d, cases.CALLS)
    problems = ended(p) + unseen([d / "hidden", d / "below", d / "a", d / "b"], d)
    return problems + ([] if len(my_calls(d)) == cases.CALLS else [f"{len(my_calls(d))} calls"])


def configured(binary, d):
    """The name the client's project gives the server."""
    s = raw_server(d, "found", "s")
    (d / ".mcp.json").write_text(json.dumps({"mcpServers": {"my files": {"command": s.argv[0], "args": s.argv[1:]},
                                                            "other": {"command": "other"}}}))
    with daemon(binary, d, "") as p:
        truth = cases.raw(d, [s], cases.one_by_one(s, cases.MIX))
        subprocess.run(list(map(str, truth.argv)), check=True, timeout=WAIT, stdin=subprocess.DEVNULL, cwd=d)
        recorded(d, cases.CALLS)
    names = {r["server"].get("configured_name") for r in mine(check.parse(log_bytes(d))[0], d) if r["type"] == "server"}
    return ended(p) + ([] if "my files" in names else [f"configured names: {names}"])


# --- restart ----------------------------------------------------------------------------------------


def killed(binary, d):
    """kill -9 with a call in flight and a new start: the time between is a gap, the call is lost, and the
    server that still runs is found again."""
    s = raw_server(d, "found", "s")
    with daemon(binary, d, "", kill=True) as p:
        server = subprocess.Popen(s.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def ask(line, answers=True):
            server.stdin.write(line.encode() + b"\n")
            server.stdin.flush()
            return server.stdout.readline() if answers else None

        ask(cases.INITIALIZE)
        ask(cases.add_raw(s, "delete"))
        ask(cases.add_raw(s, "hang"), answers=False)
        eventually(lambda: any(r["type"] == "request" and r.get("tool") == "hang" for r in check.parse(log_bytes(d))[0]))
    problems = [] if p.code == -9 else [f"exit status {p.code}"]
    try:
        with daemon(binary, d, "") as p:
            for tool in cases.MIX:
                ask(cases.add_raw(s, tool))
            recorded(d, 1 + len(cases.MIX))
    finally:
        server.stdin.close()
        server.wait(WAIT)
    problems += ended(p)
    records, more = check.parse(log_bytes(d))
    problems += more + check.form(records)
    starts = [i for i, r in enumerate(records) if r["type"] == "daemon" and r["event"] == "start"]
    if len(starts) != 2:
        return problems + [f"{len(starts)} starts"]
    after = records[starts[1] + 1:]
    gap = [r for r in after if r["type"] == "gap" and r["reason"] == "restarted"]
    if len(gap) != 1 or not (records[starts[1] - 1]["time"] <= gap[0]["from"] < gap[0]["to"]):
        problems.append(f"gaps: {gap}")
    lost = [r for r in after if r["type"] == "call" and r["status"] == "lost" and r.get("tool") == "hang"]
    if len(lost) != 1:
        problems.append(f"{len(lost)} calls are lost")
    calls = [r for r in mine(after, d) if r["type"] == "call" and r["status"] == "ok"]
    if len(calls) != len(cases.MIX):
        problems.append(f"{len(calls)} calls after the start, {len(cases.MIX)} made")
    return problems


def no_file(binary, d):
    """The default configuration need not be there, one that is named must be."""
    p = subprocess.run([binary, "run", "--check", "--config", d / "none.yaml"], capture_output=True, timeout=WAIT)
    problems = [] if p.returncode == 1 and b"none.yaml" in p.stderr else [f"named: {p.returncode} {p.stderr}"]
    if not os.path.exists("/etc/mcpwatch/mcpwatch.yaml"):
        p = subprocess.run([binary, "run", "--check"], capture_output=True, timeout=WAIT)
        problems += [] if p.returncode == 0 else [f"default: {p.returncode} {p.stderr}"]
    return problems


CASES = {"found-" + f.__name__.replace("_", "-"): f
         for f in (stdio, wrapped, twice, nothing, running, http_before, http_after, ignored, configured, killed,
                   no_file)}
