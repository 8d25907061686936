# SPDX-License-Identifier: Apache-2.0
"""Path traversal in a file server that joins paths and does not look (Endor Labs: 82 % of servers with file
operations are prone to it; CWE-22)."""

import os
import sys

from fastmcp import FastMCP

mcp = FastMCP("documents")
ROOT = sys.argv[1]


@mcp.tool
def read_document(name: str) -> str:
    """Reads a document of the folder."""
    return open(os.path.join(ROOT, name)).read()


@mcp.tool
def save_document(name: str, text: str) -> str:
    """Saves a document in the folder."""
    with open(os.path.join(ROOT, name), "w") as f:
        f.write(text)
    return "saved"


mcp.run(show_banner=False)
