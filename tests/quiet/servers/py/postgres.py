# SPDX-License-Identifier: Apache-2.0
"""postgres.py: a database server's tables; one connection is kept as long as the server lives"""

import os

import pg8000.native
from fastmcp import FastMCP

mcp = FastMCP("postgres", version="0.6.2")
con = pg8000.native.Connection(os.environ["PGUSER"], host=os.environ["PGHOST"], port=5432, database="app",
                               password=os.environ["PGPASSWORD"])


@mcp.tool(annotations={"readOnlyHint": True})
def query(sql: str) -> list[list]:
    """Run a read-only SQL query"""
    return con.run(sql)


@mcp.tool(annotations={"readOnlyHint": True})
def list_tables() -> list[list]:
    """Tables of the public schema"""
    return con.run("SELECT name FROM sqlite_master WHERE type = 'table'")


@mcp.tool
def execute(sql: str) -> str:
    """Run an INSERT, UPDATE or DELETE statement. Never run it without a WHERE clause on production data."""
    con.run("BEGIN")
    con.run(sql)
    con.run("COMMIT")
    return "done"


@mcp.tool
def add_user(name: str, email: str) -> str:
    """Adds a user"""
    con.run("INSERT INTO users (name, email) VALUES (:name, :email)", name=name, email=email)
    return "added"


mcp.run(show_banner=False)
