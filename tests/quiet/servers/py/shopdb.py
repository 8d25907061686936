# SPDX-License-Identifier: Apache-2.0
"""shopdb.py FILE: a shop's database in sqlite: its own tools, and SQL as given. mcp 1.x"""

import sqlite3
import sys

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations

mcp = FastMCP("shop-db", log_level="ERROR")
db = sqlite3.connect(sys.argv[1], check_same_thread=False, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL, state TEXT DEFAULT 'open')")


@mcp.tool(annotations=ToolAnnotations(readOnlyHint=True))
def query(sql: str) -> list[list]:
    """Runs a SELECT. Do not use for changes: use execute."""
    if not sql.lstrip().lower().startswith("select"):
        raise ValueError("only SELECT is allowed here")
    return [list(r) for r in db.execute(sql)]


@mcp.tool()
def execute(sql: str, parameters: list | None = None) -> int:
    """Runs an INSERT, UPDATE or DELETE; answers how many rows it touched. UPDATE and DELETE must have a WHERE clause."""
    word = sql.lstrip().split()[0].lower()
    if word in ("update", "delete") and " where " not in sql.lower():
        raise ValueError("there is no WHERE clause")
    return db.execute(sql, parameters or []).rowcount


@mcp.tool()
def add_order(customer: str, total: float) -> int:
    """Adds an order; answers its number."""
    return db.execute("INSERT INTO orders (customer, total) VALUES (?, ?)", (customer, total)).lastrowid


@mcp.tool()
def close_order(id: int) -> str:
    """Closes an order."""
    n = db.execute("UPDATE orders SET state = 'closed' WHERE id = ?", (id,)).rowcount
    return "closed" if n else "there is no such order"


@mcp.tool(annotations=ToolAnnotations(destructiveHint=True))
def cancel_order(id: int) -> str:
    """Deletes an order that was made by mistake."""
    n = db.execute("DELETE FROM orders WHERE id = ?", (id,)).rowcount
    return "deleted" if n else "there is no such order"


@mcp.tool()
def import_orders(rows: list[dict]) -> int:
    """Adds many orders in one transaction."""
    db.execute("BEGIN")
    db.executemany("INSERT INTO orders (customer, total) VALUES (:customer, :total)", rows)
    db.execute("COMMIT")
    return len(rows)


mcp.run()
