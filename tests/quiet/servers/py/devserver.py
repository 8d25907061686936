# SPDX-License-Identifier: Apache-2.0
"""devserver.py: starts and stops a project's own development server"""

import subprocess
import time
import urllib.request
from pathlib import Path

from fastmcp import FastMCP

mcp = FastMCP("dev-server", version="0.2.0")
running: dict[int, subprocess.Popen] = {}


@mcp.tool
def start(folder: str, port: int) -> str:
    """Serves a folder over HTTP on localhost until it is stopped."""
    running[port] = subprocess.Popen(["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=folder,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
            return f"http://127.0.0.1:{port}/"
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("it does not come up")


@mcp.tool(annotations={"readOnlyHint": True})
def get_page(port: int, path: str = "/") -> str:
    """Fetches a page of a server that was started here."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as r:
        return r.read().decode()[:1000]


@mcp.tool(annotations={"readOnlyHint": True})
def list_servers() -> list[int]:
    """Ports of what runs."""
    return [port for port, p in running.items() if p.poll() is None]


@mcp.tool
def stop(port: int) -> str:
    """Stops a server that was started here."""
    p = running.pop(port)
    p.terminate()
    p.wait(10)
    return "stopped"


@mcp.tool
def set_executable(path: str) -> str:
    """Makes a script executable (chmod +x)."""
    p = Path(path)
    p.chmod(p.stat().st_mode | 0o111)
    return oct(p.stat().st_mode)


mcp.run(show_banner=False)
