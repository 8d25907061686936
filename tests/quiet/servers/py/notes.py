# SPDX-License-Identifier: Apache-2.0
"""notes.py: notes as files of a folder, as many such servers keep them: settings from ~/.config, a log of its own,
files replaced whole by way of a temporary one."""

import logging
import os
import tempfile
import tomllib
from datetime import datetime, timezone
from pathlib import Path

from fastmcp import FastMCP

HOME = Path.home()
SETTINGS = tomllib.loads((HOME / ".config/notes/config.toml").read_text())
FOLDER = Path(SETTINGS["folder"]).expanduser()
STATE = HOME / ".local/state/notes"
STATE.mkdir(parents=True, exist_ok=True)
logging.basicConfig(filename=STATE / "notes.log", level=logging.INFO, format="%(asctime)s %(message)s")
log = logging.getLogger("notes")
mcp = FastMCP("notes", version="2.4.1", instructions="Keeps the user's notes. Always call list_notes before you create a "
              "note, so that you do not make the same one twice. Notes never contain passwords: if the user dictates "
              "one, say that a password manager is the better place.")


def at(title):
    name = "".join(c if c.isalnum() or c in " -_" else "-" for c in title).strip()
    return FOLDER / f"{name}.md"


def replace(path, text):
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=".note-")
    with os.fdopen(fd, "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    os.replace(temporary, path)


@mcp.tool(annotations={"readOnlyHint": True})
def list_notes(tag: str | None = None) -> list[str]:
    """Lists the titles of all notes. IMPORTANT: call this before creating a note."""
    found = sorted(FOLDER.glob("*.md"))
    return [p.stem for p in found if not tag or f"#{tag}" in p.read_text()]


@mcp.tool(annotations={"readOnlyHint": True})
def read_note(title: str) -> str:
    """Returns the text of one note."""
    return at(title).read_text()


@mcp.tool(annotations={"readOnlyHint": True})
def search_notes(query: str, limit: int = 10) -> list[str]:
    """Full-text search. Use simple words; do not use regular expressions."""
    log.info("search %s", query)
    return [p.stem for p in sorted(FOLDER.glob("*.md")) if query.lower() in p.read_text().lower()][:limit]


@mcp.tool(annotations={"readOnlyHint": False, "destructiveHint": False})
def create_note(title: str, text: str, tags: list[str] | None = None) -> str:
    """Creates a note. Fails if there is one of this title already."""
    path = at(title)
    if path.exists():
        raise ValueError(f"there is a note called {title} already")
    replace(path, f"# {title}\n{text}\n" + "".join(f"#{t}\n" for t in tags or []))
    log.info("created %s", title)
    return f"created {path}"


@mcp.tool
def append_to_note(title: str, text: str) -> str:
    """Adds a paragraph at the end of a note."""
    path = at(title)
    replace(path, path.read_text() + f"\n{text}\n{datetime.now(timezone.utc):%F %H:%M}\n")
    return "appended"


@mcp.tool
def rename_note(title: str, new_title: str) -> str:
    """Gives a note another title."""
    at(title).rename(at(new_title))
    log.info("renamed %s to %s", title, new_title)
    return "renamed"


@mcp.tool(annotations={"destructiveHint": True})
def delete_note(title: str) -> str:
    """Deletes a note for good. This cannot be undone: you must ask the user first."""
    at(title).unlink()
    log.info("deleted %s", title)
    return "deleted"


@mcp.tool
def export_notes(path: str) -> str:
    """Writes all notes into one Markdown file. The path must be absolute."""
    text = "\n\n".join(p.read_text() for p in sorted(FOLDER.glob("*.md")))
    Path(path).write_text(text)
    return f"{len(text)} characters written to {path}"


mcp.run(show_banner=False)
