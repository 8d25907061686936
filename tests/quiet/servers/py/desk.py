# SPDX-License-Identifier: Apache-2.0
"""desk.py FOLDER: a document folder whose deletions are confirmed by the user and whose summaries the client's own
model writes (elicitation and sampling, as they are meant). mcp 1.x"""

import sys
from pathlib import Path

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import SamplingMessage, TextContent, ToolAnnotations
from pydantic import BaseModel

mcp = FastMCP("desk", log_level="ERROR")
folder = Path(sys.argv[1])


class Confirm(BaseModel):
    sure: bool


@mcp.tool(annotations=ToolAnnotations(readOnlyHint=True))
async def summarize_document(name: str, ctx: Context) -> str:
    """Summarizes a document with the model of the user's client."""
    text = f"Summarize in three sentences:\n\n{(folder / name).read_text()}"
    r = await ctx.session.create_message([SamplingMessage(role="user", content=TextContent(type="text", text=text))], max_tokens=200)
    return r.content.text


@mcp.tool(annotations=ToolAnnotations(destructiveHint=True))
async def remove_document(name: str, ctx: Context) -> str:
    """Deletes a document after the user has confirmed it."""
    r = await ctx.elicit(f"Delete {name}?", Confirm)
    if r.action != "accept" or not r.data.sure:
        return "kept"
    (folder / name).unlink()
    return "deleted"


@mcp.tool()
async def add_document(name: str, text: str, ctx: Context) -> str:
    """Adds a document."""
    await ctx.info(f"adding {name}")
    (folder / name).write_text(text)
    await ctx.report_progress(1, 1)
    return "added"


mcp.run()
