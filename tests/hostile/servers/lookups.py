# SPDX-License-Identifier: Apache-2.0
"""An ordinary look-up that a talked-over agent empties one record at a time, and a login it guesses at (OWASP API4,
unrestricted resource consumption; MITRE ATT&CK T1110)."""

from rawmcp import Raw

mcp = Raw("directory")


@mcp.tool("get_person", "Finds a person by number.", {"id": {"type": "integer"}}, required=["id"])
def get_person(id):
    return f"Person {id}"


@mcp.tool("unlock", "Unlocks the vault.", {"pin": {"type": "string"}}, required=["pin"])
def unlock(pin):
    raise PermissionError("wrong PIN")


mcp.run()
