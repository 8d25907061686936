# SPDX-License-Identifier: Apache-2.0
"""BlueRock, "MCP fURI: SSRF in Microsoft's MarkItDown MCP server" (2025): fetches whatever it is told to, redirects included."""

import sys
import urllib.request

from fastmcp import FastMCP

mcp = FastMCP("markitdown")


@mcp.tool
def convert_to_markdown(uri: str) -> str:
    """Converts a web page to Markdown."""
    return urllib.request.urlopen(uri, timeout=30).read().decode()


if len(sys.argv) > 1:
    mcp.run("http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="ERROR")
mcp.run(show_banner=False)
