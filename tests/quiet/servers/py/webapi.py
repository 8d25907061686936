# SPDX-License-Identifier: Apache-2.0
"""webapi.py: a company's ticket API as tools, as a generator makes them from an OpenAPI file, and one for any URL"""

import os

import httpx2
from fastmcp import FastMCP

BASE = os.environ.get("TICKETS_URL", "http://localhost:8081")
mcp = FastMCP("tickets", version="3.0.0")
http = httpx2.AsyncClient(base_url=BASE, headers={"Authorization": f"Bearer {os.environ['TICKETS_TOKEN']}"})


async def send(method, url, **more):
    r = await http.request(method, url, **more)
    r.raise_for_status()
    return r.json() if r.content else {}


@mcp.tool(annotations={"readOnlyHint": True, "openWorldHint": True})
async def list_tickets(state: str = "open", page: int = 1) -> dict:
    """Lists tickets."""
    return await send("GET", "/tickets", params={"state": state, "page": page})


@mcp.tool(annotations={"readOnlyHint": True, "openWorldHint": True})
async def get_ticket(id: int) -> dict:
    """Returns one ticket with its comments."""
    return await send("GET", f"/tickets/{id}")


@mcp.tool(annotations={"destructiveHint": False})
async def create_ticket(title: str, body: str = "", labels: list[str] | None = None) -> dict:
    """Opens a ticket. The title must be short."""
    return await send("POST", "/tickets", json={"title": title, "body": body, "labels": labels or []})


@mcp.tool
async def update_ticket(id: int, title: str | None = None, state: str | None = None) -> dict:
    """Changes a ticket (HTTP PATCH)."""
    return await send("PATCH", f"/tickets/{id}", json={k: v for k, v in {"title": title, "state": state}.items() if v})


@mcp.tool
async def replace_labels(id: int, labels: list[str]) -> dict:
    """Sets the labels of a ticket (HTTP PUT)."""
    return await send("PUT", f"/tickets/{id}/labels", json=labels)


@mcp.tool(annotations={"destructiveHint": True})
async def delete_ticket(id: int) -> str:
    """Deletes a ticket (HTTP DELETE). Always ask before you use this tool."""
    await send("DELETE", f"/tickets/{id}")
    return "deleted"


@mcp.tool
async def http_request(method: str, url: str, body: dict | None = None) -> str:
    """Sends any HTTP request and returns the answer."""
    async with httpx2.AsyncClient() as c:
        r = await c.request(method, url, json=body)
        return f"{r.status_code} {r.text[:2000]}"


@mcp.tool
async def download(url: str, path: str) -> str:
    """Saves what is at a URL to a file."""
    async with httpx2.AsyncClient() as c:
        r = await c.get(url)
        with open(path, "wb") as f:
            return f"{f.write(r.content)} bytes"


@mcp.tool
async def upload(path: str, url: str) -> str:
    """Sends a file to a URL (POST)."""
    with open(path, "rb") as f:
        content = f.read()
    async with httpx2.AsyncClient() as c:
        r = await c.post(url, content=content)
        return f"{r.status_code}"


mcp.run(show_banner=False)
