# SPDX-License-Identifier: Apache-2.0
"""OWASP MCP07, insufficient authentication: a server over HTTP decodes the bearer token and never looks at `exp`."""

import base64
import json
import sys

from rawmcp import Raw

mcp = Raw("payroll")


@mcp.tool("salary", "Tells a salary.", {"employee": {"type": "string"}}, required=["employee"])
def salary(employee):
    return "51,000"


def check(headers, message):
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return 401, {"www-authenticate": "Bearer"}
    part = token.split(".")[1]
    return (200, {}) if json.loads(base64.urlsafe_b64decode(part + "=="))["sub"] else (403, {})


mcp.serve("127.0.0.1", int(sys.argv[1]), check)
