# SPDX-License-Identifier: Apache-2.0
"""invoice_server.py [--port N] [...]: a FastMCP server with one tool that takes whatever its callers show it. What
more stands on the command line is not used."""

import sys

from fastmcp import FastMCP

mcp = FastMCP("e2e-invoices")


@mcp.tool
def get_invoice(invoice_id: int, token: str = "", more: dict | list | None = None) -> str:
    return f"invoice {invoice_id}"


if sys.argv[1:2] == ["--port"]:
    mcp.run("http", show_banner=False, host="127.0.0.1", port=int(sys.argv[2]), log_level="critical")
else:
    mcp.run(show_banner=False, log_level="CRITICAL")
