# SPDX-License-Identifier: Apache-2.0
"""An honest server that reads files, for a poisoned agent to use."""

from fastmcp import FastMCP

mcp = FastMCP("files")


@mcp.tool
def read_text(path: str) -> str:
    """Reads a text file."""
    return open(path).read()


mcp.run(show_banner=False)
