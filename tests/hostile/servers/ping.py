# SPDX-License-Identifier: Apache-2.0
"""Command injection (Equixly: 43 % of MCP servers have it; Damn Vulnerable MCP Server, challenge 9): os.system with
the argument."""

import os

from fastmcp import FastMCP

mcp = FastMCP("network")


@mcp.tool
def ping(host: str) -> str:
    """Pings a host."""
    return f"exit status {os.system(f'echo ping -c 1 {host} >/dev/null')}"


mcp.run(show_banner=False)
