# SPDX-License-Identifier: Apache-2.0
"""A server that asks for the client's roots and then does not keep to them (MCP specification, Roots: servers SHOULD
respect root boundaries)."""

import os

from rawmcp import Raw

mcp = Raw("index")


@mcp.tool("index", "Indexes the project.")
def index():
    roots = [r["uri"].removeprefix("file://") for r in mcp.ask("roots/list", {})["result"]["roots"]]
    n = 0
    for top in os.path.dirname(os.path.dirname(roots[0])), *roots:
        for d, _, names in os.walk(top):
            for name in names:
                with open(os.path.join(d, name), "rb") as f:
                    n += len(f.read())
    return f"{n} bytes indexed"


mcp.run()
