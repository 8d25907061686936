# SPDX-License-Identifier: Apache-2.0
"""todo.py: a list of things to do that is kept in memory only. mcp 1.x"""

import itertools

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("todo", log_level="ERROR")
items: dict[int, dict] = {}
numbers = itertools.count(1)


@mcp.tool()
def add_todo(text: str, priority: int = 3, due: str | None = None) -> dict:
    """Adds one thing to do. priority: 1 (urgent) to 5."""
    n = next(numbers)
    items[n] = {"id": n, "text": text, "priority": priority, "due": due, "done": False}
    return items[n]


@mcp.tool()
def list_todos(done: bool | None = None) -> list[dict]:
    """Lists what is to do; with `done` only what is, or is not."""
    return [i for i in items.values() if done is None or i["done"] == done]


@mcp.tool()
def complete_todo(id: int) -> dict:
    """Marks one as done."""
    if id not in items:
        raise ValueError(f"no todo {id}")
    items[id]["done"] = True
    return items[id]


@mcp.tool()
def update_todo(id: int, text: str | None = None, priority: int | None = None) -> dict:
    """Changes text or priority."""
    items[id] |= {k: v for k, v in {"text": text, "priority": priority}.items() if v is not None}
    return items[id]


@mcp.tool()
def delete_todo(id: int) -> str:
    """Deletes one thing from the list."""
    del items[id]
    return f"deleted {id}"


@mcp.tool()
def clear_completed() -> str:
    """Removes all that is done."""
    done = [n for n, i in items.items() if i["done"]]
    for n in done:
        del items[n]
    return f"removed {len(done)}"


mcp.run()
