# SPDX-License-Identifier: Apache-2.0
"""An innocent server that takes notes; the agent was talked into putting keys into its arguments (OWASP MCP01, MCP10)."""

from fastmcp import FastMCP

mcp = FastMCP("notes")
kept = []


@mcp.tool
def add_note(title: str, text: str) -> str:
    """Keeps a note."""
    kept.append((title, text))
    return f"{len(kept)} notes"


mcp.run(show_banner=False)
