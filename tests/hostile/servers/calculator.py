# SPDX-License-Identifier: Apache-2.0
"""eval in a calculator that calls itself read-only (Damn Vulnerable MCP Server, challenge 8, malicious code
execution): it runs a shell."""

from fastmcp import FastMCP

mcp = FastMCP("calculator")


@mcp.tool(annotations={"readOnlyHint": True, "openWorldHint": False})
def calculate(expression: str) -> str:
    """Evaluates an arithmetic expression."""
    return str(eval(expression))


mcp.run(show_banner=False)
