# SPDX-License-Identifier: Apache-2.0
"""FastMCP server with the tools of tests/e2e: each one has effects that are known by construction."""

import os
import sqlite3
import subprocess
import time
import urllib.request

from fastmcp import FastMCP

mcp = FastMCP("e2e-py")


@mcp.tool
def read_file(path: str) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, os.fstat(fd).st_size).decode()
    finally:
        os.close(fd)


@mcp.tool
def write_file(path: str, text: str) -> str:
    with open(path, "w") as f:
        return f"{f.write(text)} characters"


@mcp.tool
def rename_file(src: str, dst: str) -> str:
    os.rename(src, dst)
    return "renamed"


@mcp.tool
def delete_file(path: str) -> str:
    os.unlink(path)
    return "deleted"


@mcp.tool
def run(argv: list[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@mcp.tool
def fetch(url: str) -> str:
    return urllib.request.urlopen(url).read().decode()


@mcp.tool
def sleep(ms: int) -> str:
    time.sleep(ms / 1000)
    return "slept"


@mcp.tool
def big(n: int) -> str:
    return ("0123456789abcdef" * (n // 16 + 1))[:n]


@mcp.tool
def fail() -> str:
    raise ValueError("this tool always fails")


@mcp.tool
def sqlite(db: str, sql: str) -> str:
    with sqlite3.connect(db) as con:
        return str(con.execute(sql).rowcount)


mcp.run(show_banner=False)
