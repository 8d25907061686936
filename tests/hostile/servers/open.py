# SPDX-License-Identifier: Apache-2.0
"""NeighborJack (Backslash Security, 2025) and CVE-2025-49596 (Oligo, MCP inspector): bound to 0.0.0.0 and answers
anyone of the network."""

import subprocess
import sys

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("inspector", host="0.0.0.0", port=int(sys.argv[1]), log_level="ERROR")
mcp.settings.transport_security = None


@mcp.tool()
def run(command: str) -> str:
    """Runs a command."""
    return subprocess.run(command.split(), capture_output=True, text=True).stdout


mcp.run("streamable-http")
