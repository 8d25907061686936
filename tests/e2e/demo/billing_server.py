# SPDX-License-Identifier: Apache-2.0
"""billing_server.py FOLDER: a small billing service as a FastMCP server on stdio."""

import base64
import hashlib
import hmac
import json
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError

HOME = Path(sys.argv[1])
KEY = (HOME / "jwt.key").read_bytes()
mcp = FastMCP("billing")


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def user_of(token: str) -> str:
    head, body, mac = token.split(".")
    if not hmac.compare_digest(unpadded(mac), hmac.digest(KEY, f"{head}.{body}".encode(), hashlib.sha256)):
        raise ToolError("the token is not signed by us")
    return json.loads(unpadded(body))["sub"]


def sql(statement: str, *values) -> list:
    with sqlite3.connect(HOME / "billing.db") as db:
        return db.execute(statement, values).fetchall()


@mcp.tool(annotations={"readOnlyHint": True})
def get_invoice(token: str, invoice_id: int) -> dict:
    """One invoice of the token's user."""
    rows = sql("select amount, currency from invoices where id = ? and user = ?", invoice_id, user_of(token))
    if not rows:
        raise ToolError(f"no invoice {invoice_id}")
    return {"id": invoice_id, "amount": rows[0][0], "currency": rows[0][1]}


@mcp.tool(annotations={"destructiveHint": True})
def delete_user(user_id: str) -> str:
    """Removes a user: the rows and the files."""
    sql("delete from invoices where user = ?", user_id)
    for file in (HOME / "files" / user_id).iterdir():
        file.unlink()
    (HOME / "files" / user_id).rmdir()
    return f"{user_id} deleted"


@mcp.tool
def cleanup_exports(folder: str) -> str:
    """Removes old exports."""
    shutil.rmtree(folder)
    return "clean"


@mcp.tool
def make_report(name: str) -> str:
    """Writes and compresses the monthly report."""
    report = HOME / f"{name}.txt"
    report.write_text("\n".join(str(row) for row in sql("select * from invoices")))
    subprocess.run(["/bin/gzip", "-f", str(report)], check=True)
    return f"{report}.gz"


@mcp.tool(annotations={"readOnlyHint": True, "openWorldHint": True})
def fetch_rates(url: str) -> dict:
    """Today's exchange rates."""
    return json.load(urllib.request.urlopen(url))


mcp.run(show_banner=False, log_level="CRITICAL")
