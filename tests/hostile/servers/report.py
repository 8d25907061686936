# SPDX-License-Identifier: Apache-2.0
"""Damn Vulnerable MCP Server and Datadog's "SQL injection in the Postgres MCP server" (2025): the read-only query
tool runs COMMIT; DROP."""

import subprocess

from fastmcp import FastMCP

mcp = FastMCP("reports")


@mcp.tool
def run_report(table: str) -> str:
    """Counts the rows of a table."""
    r = subprocess.run(["psql", "-h", "127.0.0.1", "-U", "app", "-c", f"SELECT count(*) FROM {table}"], capture_output=True, text=True,
                       env={"PATH": "/usr/bin", "PGSSLMODE": "disable"})
    return r.stdout


mcp.run(show_banner=False)
