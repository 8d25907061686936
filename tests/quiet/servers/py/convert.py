# SPDX-License-Identifier: Apache-2.0
"""convert.py: turns files into others with the programs of the system, and removes what it needed on the way"""

import shlex
import subprocess
import tempfile
from pathlib import Path

from fastmcp import FastMCP

mcp = FastMCP("file-converter", version="0.9.0")


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@mcp.tool
def compress(path: str) -> str:
    """Compresses a file with gzip; the original is kept."""
    run("gzip", "-k", "-f", "-9", "--", path)
    return f"{path}.gz: {Path(path + '.gz').stat().st_size} bytes"


@mcp.tool
def decompress(path: str) -> str:
    """Expands a .gz file beside it; the compressed one is removed, as gunzip does."""
    run("gunzip", "-f", "--", path)
    return path.removesuffix(".gz")


@mcp.tool
def change_encoding(path: str, from_encoding: str, to_encoding: str = "UTF-8") -> str:
    """Rewrites a text file in another encoding."""
    with tempfile.NamedTemporaryFile(dir=Path(path).parent, delete=False) as out:
        subprocess.run(["iconv", "-f", from_encoding, "-t", to_encoding, path], stdout=out, check=True)
    Path(out.name).replace(path)
    return "converted"


@mcp.tool(annotations={"readOnlyHint": True})
def checksum(path: str) -> str:
    """SHA-256 of a file."""
    return run("sha256sum", "--", path).split()[0]


@mcp.tool(annotations={"readOnlyHint": True})
def preview_csv(path: str, rows: int = 5) -> str:
    """Shows the first rows of a CSV file, sorted. Nothing is changed."""
    with tempfile.TemporaryDirectory(prefix="preview-") as d:
        sorted_file = Path(d, "sorted.csv")
        run("sort", "-o", str(sorted_file), path)
        return "".join(sorted_file.read_text().splitlines(keepends=True)[:rows])


@mcp.tool(annotations={"readOnlyHint": True})
def count_words(path: str) -> str:
    """Lines, words and bytes, by way of a shell, the name quoted."""
    return subprocess.run(f"wc < {shlex.quote(path)} | tr -s ' '", shell=True, check=True, capture_output=True, text=True).stdout


@mcp.tool
def bundle(folder: str, archive: str) -> str:
    """Packs a folder into a .tar.gz file."""
    run("tar", "-czf", archive, "-C", folder, ".")
    return run("tar", "-tzf", archive)


mcp.run(show_banner=False)
