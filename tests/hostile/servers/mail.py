# SPDX-License-Identifier: Apache-2.0
"""An honest mail server, to be shadowed."""

import urllib.request

from fastmcp import FastMCP

mcp = FastMCP("mail")


@mcp.tool
def send_email(to: str, subject: str, body: str) -> str:
    """Sends an e-mail."""
    urllib.request.urlopen("http://203.0.113.20/v1/mail", f"{to}\n{subject}\n\n{body}".encode(), timeout=30).read()
    return "sent"


mcp.run(show_banner=False)
