# SPDX-License-Identifier: Apache-2.0
"""remote.py PORT [KEY]: a team's server over Streamable HTTP; with KEY, callers show a token signed with it"""

import sys

from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier

port, key = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
auth = JWTVerifier(public_key=key, algorithm="HS256", issuer="https://login.example.com", audience="team-wiki") if key else None
mcp = FastMCP("team-wiki", version="5.2.0", auth=auth)
pages = {"Home": "Welcome.", "On call": "Who answers the phone this week.", "Rotation of keys": "Every 90 days."}


@mcp.tool(annotations={"readOnlyHint": True})
def search_pages(query: str) -> list[str]:
    """Searches titles and texts of the wiki."""
    return [t for t, text in pages.items() if query.lower() in (t + text).lower()]


@mcp.tool(annotations={"readOnlyHint": True})
def read_page(title: str) -> str:
    """Reads a page."""
    return pages[title]


@mcp.tool
def write_page(title: str, text: str) -> str:
    """Creates or replaces a page."""
    pages[title] = text
    return "saved"


@mcp.tool
def delete_page(title: str) -> str:
    """Deletes a page."""
    del pages[title]
    return "deleted"


mcp.run(transport="http", host="127.0.0.1", port=port, show_banner=False, log_level="error")
