# SPDX-License-Identifier: Apache-2.0
"""CVE-2025-68143, -68144, -68145 (Cyata, "Three flaws in Anthropic's MCP Git server"): git_init anywhere, git_diff
with an option instead of a target (--output=FILE writes it), and a repository setting that is not held to."""

import subprocess

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("git")


def git(repo, *args):
    return subprocess.run(["git", "-C", repo, *args], capture_output=True, text=True).stdout


@mcp.tool()
def git_init(repo_path: str) -> str:
    """Makes a repository."""
    return subprocess.run(["git", "init", "-q", repo_path], capture_output=True, text=True).stdout


@mcp.tool()
def git_diff(repo_path: str, target: str) -> str:
    """Shows the difference to a branch or commit."""
    return git(repo_path, "diff", target)


mcp.run()
