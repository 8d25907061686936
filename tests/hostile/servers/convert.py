# SPDX-License-Identifier: Apache-2.0
"""Command injection by way of subprocess with shell=True, over HTTP (Invariant and Snyk Labs on image and markdown
servers; MITRE ATT&CK T1059.004): the metacharacters are a newline and backticks instead of a semicolon."""

import subprocess
import sys

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("pandoc", host="127.0.0.1", port=int(sys.argv[1]), log_level="ERROR")


@mcp.tool()
def convert(name: str, to: str) -> str:
    """Converts a document."""
    return subprocess.run(f"echo converting {name} to {to}", shell=True, capture_output=True, text=True).stdout


mcp.run("streamable-http")
