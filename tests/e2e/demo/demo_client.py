# SPDX-License-Identifier: Apache-2.0
"""demo_client.py FOLDER RATES_PORT: alice's assistant works with the billing server."""

import base64
import hashlib
import hmac
import json
import sqlite3
import sys
import time
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

HOME, PORT = Path(sys.argv[1]), sys.argv[2]
KEY = b"only for this demo"


def make_data():
    (HOME / "jwt.key").write_bytes(KEY)
    with sqlite3.connect(HOME / "billing.db") as db:
        db.execute("create table invoices (id integer primary key, user text, amount real, currency text)")
        db.executemany("insert into invoices values (?, ?, ?, ?)",
                       [(4711, "alice", 129.90, "EUR"), (4712, "bob", 15.00, "USD"), (4713, "bob", 99.00, "EUR")])
    for folder, names in {"files/bob": ("contract.pdf", "photo.jpg"), "exports": ("2026-09.csv", "2026-10.csv")}.items():
        (HOME / folder).mkdir(parents=True)
        for name in names:
            (HOME / folder / name).write_text(f"{name} of the demo\n")


def token(user):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    text = ".".join(part(json.dumps(x).encode()) for x in (
        {"alg": "HS256", "typ": "JWT"},
        {"iss": "https://login.example.com", "sub": user, "aud": "billing", "exp": int(time.time()) + 3600}))
    return f"{text}.{part(hmac.digest(KEY, text.encode(), hashlib.sha256))}"


async def main():
    make_data()
    server = StdioServerParameters(command=sys.executable,
                                   args=[str(Path(__file__).with_name("billing_server.py")), str(HOME)])
    async with Client(stdio_client(server)) as client:
        await client.list_tools()
        for tool, arguments in (
                ("get_invoice", {"token": token("alice"), "invoice_id": 4711}),
                ("fetch_rates", {"url": f"http://127.0.0.1:{PORT}/rates"}),
                ("get_invoice", {"token": token("alice"), "invoice_id": 4712}),  # bob's: refused
                ("make_report", {"name": "2026-11"}),
                ("cleanup_exports", {"folder": str(HOME / "exports")}),
                ("delete_user", {"user_id": "bob"})):
            await client.call_tool(tool, arguments)


anyio.run(main)
