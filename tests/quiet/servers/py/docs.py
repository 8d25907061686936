# SPDX-License-Identifier: Apache-2.0
"""docs.py: documentation of the web with a cache on disk: old entries go, a thread keeps figures and a log"""

import hashlib
import json
import threading
import time
import urllib.request
from pathlib import Path

from fastmcp import FastMCP

CACHE = Path.home() / ".cache/docs-mcp"
CACHE.mkdir(parents=True, exist_ok=True)
KEEP = 5
mcp = FastMCP("docs", version="1.8.2")
hits = {"cache": 0, "web": 0}


def figures():
    """Once a second, as such servers flush what they have counted."""
    while True:
        time.sleep(1)
        new = CACHE / "stats.json.tmp"
        new.write_text(json.dumps(hits))
        new.replace(CACHE / "stats.json")
        with open(CACHE / "docs.log", "a") as f:
            f.write(f"{time.time():.0f} {hits}\n")


def get(url):
    entry = CACHE / (hashlib.sha256(url.encode()).hexdigest()[:16] + ".html")
    if entry.exists():
        hits["cache"] += 1
        return entry.read_text()
    hits["web"] += 1
    with urllib.request.urlopen(url, timeout=10) as r:
        text = r.read().decode()
    entry.write_text(text)
    for old in sorted(CACHE.glob("*.html"), key=lambda p: p.stat().st_mtime)[:-KEEP]:
        old.unlink()
    return text


@mcp.tool(annotations={"readOnlyHint": True, "openWorldHint": True})
def resolve_library(name: str) -> str:
    """Finds the documentation of a library. You MUST call this before get_library_docs, unless the user gives an id
    of the form org/project. Do not call it more than three times for one question."""
    return json.loads(get("http://docs.example.org/index.json")).get(name, "unknown")


@mcp.tool(annotations={"readOnlyHint": True, "openWorldHint": True})
def get_library_docs(id: str, topic: str | None = None, tokens: int = 5000) -> str:
    """Up-to-date documentation for a library. Always prefer this to what you remember."""
    return get(f"http://docs.example.org/{id}/{topic or 'index'}.html")[:tokens]


threading.Thread(target=figures, daemon=True).start()
mcp.run(show_banner=False)
