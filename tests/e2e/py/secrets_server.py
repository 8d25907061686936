# SPDX-License-Identifier: Apache-2.0
"""secrets_server.py [--port N] PLAN [...]: a FastMCP server whose tools take, return and use whatever they are
given, in all the ways by which a text can come into a log. What more stands on the command line is not used."""

import http.client
import json
import os
import socket
import struct
import subprocess
import sys

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError

port, file = (int(sys.argv[2]), sys.argv[3]) if sys.argv[1] == "--port" else (0, sys.argv[1])
plan = json.load(open(file))
mcp = FastMCP("e2e-secrets", instructions=plan["instructions"])


@mcp.tool
def take(text: str = "", more: dict | list | None = None) -> str:
    return "taken"


@mcp.tool
def give(number: int) -> str:
    return plan["give"][number]


@mcp.tool
def give_data(number: int) -> dict:
    return {"rows": [{"note": plan["give"][number]}]}


@mcp.tool
def fail(number: int) -> str:
    raise ToolError(f"no access: {plan['give'][number]}")


@mcp.tool
async def say(number: int, ctx: Context) -> str:
    await ctx.info(plan["give"][number])
    await ctx.report_progress(1, 2, plan["give"][number])
    return "said"


@mcp.tool
def files(number: int) -> str:
    """Each kind of action on a file whose name is a secret."""
    path, other = f"{plan['folder']}/{plan['give'][number]}", f"{plan['folder']}/x-{plan['give'][number + 1]}"
    try:
        open(path + ".missing")
    except OSError:
        pass
    with open(path, "w") as f:
        f.write("x")
    os.chmod(path, 0o600)
    os.rename(path, other)
    os.symlink(plan["give"][number], path)
    os.link(other, path + ".link")
    os.mkdir(path + ".d")
    os.chdir(path + ".d")
    open("relative", "w").close()
    os.unlink("relative")
    os.chdir("/")
    os.rmdir(path + ".d")
    for p in path, other, path + ".link":
        os.unlink(p)
    os.close(os.memfd_create(plan["give"][number][:200]))
    return "done"


@mcp.tool
def run(number: int) -> str:
    """A command with a secret in its arguments, one in its environment, and one whose program's name is one."""
    g = plan["give"]
    subprocess.run(["/bin/true", "--verbose", g[number]], check=True)
    subprocess.run(["/bin/sh", "-c", f": {g[number + 1]}; exit 0"], check=True)
    subprocess.run(["/bin/true"], check=True, env={"PATH": "/usr/bin", "NOTE": g[number + 2]})
    program = f"{plan['folder']}/{g[number + 3]}"
    os.symlink("/bin/true", program)
    subprocess.run([program], check=True)
    os.unlink(program)
    return "ran"


@mcp.tool
def ask(number: int) -> str:
    """An HTTP request with a secret in its path, its query, a header and its body; over a unix socket, too."""
    g = plan["give"]
    c = http.client.HTTPConnection("127.0.0.1", plan["web"], timeout=5)
    c.request("POST", f"/v1/{g[number]}/items?q={g[number + 1]}", body=g[number + 2], headers={"X-Note": g[number + 3]})
    c.getresponse().read()
    return "asked"


@mcp.tool
def sql(number: int) -> str:
    """A simple query of PostgreSQL's protocol, to a server that says yes to all."""
    text = f"INSERT INTO notes (id, note) VALUES (1, '{plan['give'][number]}')".encode() + b"\0"
    s = socket.create_connection(("127.0.0.1", plan["sql"]), timeout=5)
    hello = struct.pack(">I", 196608) + b"user\0app\0database\0app\0\0"
    s.sendall(struct.pack(">I", len(hello) + 4) + hello)
    s.recv(4096)
    s.sendall(b"Q" + struct.pack(">I", len(text) + 4) + text)
    s.recv(4096)
    s.close()
    return "stored"


@mcp.resource("note://{number}/{secret}")
def note(number: str, secret: str) -> str:
    return plan["give"][int(number)]


@mcp.prompt
def greet(name: str) -> str:
    return f"Greet {name}"


@mcp.tool(description=plan["description"])
def described(text: str) -> str:
    return "described"


if port:
    mcp.run("http", show_banner=False, host="127.0.0.1", port=port, log_level="critical")
else:
    mcp.run(show_banner=False, log_level="CRITICAL")
