# SPDX-License-Identifier: Apache-2.0
"""Bishop Fox (Jake Miller), "An Exploration of JSON Interoperability Vulnerabilities" (2021): a gateway reads the
first of two equal keys, this server the last one; and a NUL that ends a name for one of them."""

import os

from rawmcp import Raw

mcp = Raw("vault")


@mcp.tool("read_entry", "Reads an entry.", {"name": {"type": "string"}}, required=["name"])
def read_entry(name):
    return "an entry"


@mcp.tool("delete_entry", "Deletes an entry.", {"name": {"type": "string"}}, required=["name"])
def delete_entry(name):
    os.unlink(os.path.join("/home/agent/Documents", name.split("\0")[0]))
    return "deleted"


mcp.run()
