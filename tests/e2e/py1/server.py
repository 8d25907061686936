# SPDX-License-Identifier: Apache-2.0
"""server.py stdio | http | http-json | http-stateless | sse | ws [PORT]: the matrix' server with mcp 1.x"""

import sys

import anyio
from mcp import types
from mcp.server.fastmcp import Context, FastMCP

how, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
mcp = FastMCP("matrix-py1", port=port, log_level="ERROR", json_response=how == "http-json",
              stateless_http=how == "http-stateless")


@mcp.tool()
def echo(text: str) -> str:
    return text


@mcp.tool()
def big(n: int) -> str:
    return ("0123456789abcdef" * (n // 16 + 1))[:n]


@mcp.tool()
def fail() -> str:
    raise ValueError("this tool always fails")


@mcp.tool()
async def sleep(ms: int) -> str:
    await anyio.sleep(ms / 1000)
    return "slept"


@mcp.tool()
async def notify(ctx: Context) -> str:
    for i in range(3):
        await ctx.info(f"note {i} ü")
        await ctx.report_progress(i, 3)
    return "notified"


@mcp.tool()
async def ask(what: str, ctx: Context) -> str:
    if what == "elicit":
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
        r = await ctx.session.elicit("Sure?", schema, related_request_id=ctx.request_id)
    elif what == "sample":
        say = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Say."))
        r = await ctx.session.create_message([say], max_tokens=9, related_request_id=ctx.request_id)
    else:
        r = await ctx.session.list_roots()
    return r.model_dump_json()


@mcp.resource("note://one")
def note() -> str:
    return "a note, grüße"


@mcp.prompt()
def greet(name: str) -> str:
    return f"Greet {name}"


def websocket():
    import uvicorn
    from mcp.server.websocket import websocket_server
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    async def serve(ws):
        server = mcp._mcp_server
        async with websocket_server(ws.scope, ws.receive, ws.send) as (read, write):
            await server.run(read, write, server.create_initialization_options())

    app = Starlette(routes=[WebSocketRoute("/ws", serve)])
    uvicorn.run(app, port=port, log_level="error", ws_per_message_deflate=False, ws_max_size=64 << 20)


if how == "ws":
    websocket()
else:
    mcp.run({"stdio": "stdio", "sse": "sse"}.get(how, "streamable-http"))
