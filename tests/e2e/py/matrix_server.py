# SPDX-License-Identifier: Apache-2.0
"""matrix_server.py stdio | http | http-json | http-stateless | sse [PORT]: the matrix' server with FastMCP 4
on mcp 2.x"""

import sys

import anyio
import mcp_types as types
from fastmcp import Context, FastMCP

how, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
mcp = FastMCP("matrix-py")


@mcp.tool
def echo(text: str) -> str:
    return text


@mcp.tool
def big(n: int) -> str:
    return ("0123456789abcdef" * (n // 16 + 1))[:n]


@mcp.tool
def fail() -> str:
    raise ValueError("this tool always fails")


@mcp.tool
async def sleep(ms: int) -> str:
    await anyio.sleep(ms / 1000)
    return "slept"


@mcp.tool
async def notify(ctx: Context) -> str:
    for i in range(3):
        await ctx.info(f"note {i} ü")
        await ctx.report_progress(i, 3)
    return "notified"


@mcp.tool
async def ask(what: str, ctx: Context):
    """Of 2026-07-28 on by a result that requires input, before by a request of the server."""
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    say = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Say."))
    if ctx._is_modern_protocol():
        if ctx.input_responses:
            return str(sorted(ctx.input_responses))
        wanted = {
            "elicit": types.ElicitRequest(params=types.ElicitRequestFormParams(message="Sure?", requested_schema=schema)),
            "sample": types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[say], max_tokens=9)),
            "roots": types.ListRootsRequest(),
        }[what]
        return types.InputRequiredResult(input_requests={"wanted": wanted}, request_state=f"state of {what}")
    if what == "elicit":
        r = await ctx.session.elicit("Sure?", schema, related_request_id=ctx.request_id)
    elif what == "sample":
        r = await ctx.session.create_message([say], max_tokens=9, related_request_id=ctx.request_id)
    else:
        r = await ctx.session.list_roots()
    return r.model_dump_json()


@mcp.resource("note://one")
def note() -> str:
    return "a note, grüße"


@mcp.prompt
def greet(name: str) -> str:
    return f"Greet {name}"


if how == "stdio":
    mcp.run(show_banner=False)
else:
    mcp.run("sse" if how == "sse" else "http", show_banner=False, host="127.0.0.1", port=port, log_level="error",
            json_response=how == "http-json" or None, stateless_http=how == "http-stateless" or None)
