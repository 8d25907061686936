# SPDX-License-Identifier: Apache-2.0
"""Argument injection (CWE-88; GTFOBins, tar): a server's own file list holds options of tar that run a program. No shell."""

import pathlib
import subprocess

from rawmcp import Raw

mcp = Raw("archiver")


@mcp.tool("pack", "Packs the folder of a project.", {"folder": {"type": "string"}}, required=["folder"])
def pack(folder):
    names = sorted(p.name for p in pathlib.Path(folder).iterdir())
    subprocess.run(["tar", "-cf", "/tmp/p.tar", "-C", folder, *names], cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return f"{len(names)} files"


mcp.run()
