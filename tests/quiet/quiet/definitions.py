# SPDX-License-Identifier: Apache-2.0
"""Tool definitions as popular servers have them (definitions/), offered and called now and then."""

import json

from .case import HERE, call, does

FILES = {f.stem: json.loads(f.read_text()) for f in sorted((HERE / "definitions").glob("*.json"))}
EXAMPLES = {"string": "main", "integer": 3, "number": 2.5, "boolean": True}


def example(schema, required=True):
    """A value that fits a schema of the fixtures."""
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [example(schema.get("items", {}))]
    if kind == "object":
        return {k: example(v) for k, v in schema.get("properties", {}).items() if k in schema.get("required", [])}
    return EXAMPLES[kind]


def steps_of(file, at=None):
    steps = [does("tools", at=at)]
    for t in file["tools"]:
        steps.append(call(t["name"], example(t["inputSchema"]), at=at))
        if file.get("later", {}).get("on") == t["name"]:
            steps.append(does("changed", at=at))
    for t in file.get("later", {}).get("tools", []):
        steps.append(call(t["name"], example(t["inputSchema"]), at=at))
    return steps


AGENTS = {  # whom one meets in one agent's settings; some have tools of equal names, as in life
    "developer": ["github", "linear", "sentry", "playwright", "postgres"],
    "office": ["slack", "notion", "atlassian", "mail", "deutsch"],
    "operator": ["kubernetes", "infra", "database-cloud", "secrets", "desktop"],
    "traveller": ["sprachen", "holidays", "maps", "thinking", "puppeteer", "stripe"],
}


def together(names):
    """One agent with all of these servers; on the next day it starts them anew."""
    def fill(c):
        servers = {n: c.defined(n) for n in names}
        c.session(servers, [s for n in names for s in steps_of(FILES[n], at=n)], client="npm")
        c.again()
        c.session(servers, [s for n in names for s in steps_of(FILES[n], at=n)[:6]], client="npm")
    return fill


CASES = {f"tools-{agent}": together(names) for agent, names in AGENTS.items()}
assert sorted(FILES) == sorted(n for names in AGENTS.values() for n in names)
