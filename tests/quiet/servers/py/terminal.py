# SPDX-License-Identifier: Apache-2.0
"""terminal.py FOLDER: runs the command lines that the model asks for, in a shell: that is what it is for. mcp 1.x"""

import subprocess
import sys

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations

mcp = FastMCP("terminal", log_level="ERROR")


@mcp.tool(annotations=ToolAnnotations(destructiveHint=True, openWorldHint=True))
def run_command(command: str, timeout: int = 20) -> str:
    """Executes a shell command in the project's folder and returns what it printed.

    Quote file names that contain spaces. Do not use interactive commands (vim, less, top). Never run commands that
    ask for a password. Use && for commands that depend on each other.
    """
    r = subprocess.run(["bash", "-c", command], cwd=sys.argv[1], capture_output=True, text=True, timeout=timeout)
    if r.returncode:
        raise ValueError(f"exit status {r.returncode}\n{r.stdout}{r.stderr}")
    return r.stdout


mcp.run()
