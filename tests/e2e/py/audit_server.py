# SPDX-License-Identifier: Apache-2.0
"""audit_server.py TRAIL [logfmt]: FastMCP server that keeps an audit trail of its own with Python's logging, one JSON
object (or logfmt) a call, written when the tool has ended"""

import json
import logging
import os
import sys
import time

from fastmcp import FastMCP
from fastmcp.server.middleware import Middleware

BUILTIN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """As JSON formatters of logging do it: what was asked for, and all that came in `extra`."""

    def format(self, record):
        row = {"asctime": self.formatTime(record), "levelname": record.levelname, "name": record.name,
               "message": record.getMessage()}
        return json.dumps(row | {k: v for k, v in record.__dict__.items() if k not in BUILTIN})


class LogfmtFormatter(logging.Formatter):
    def format(self, record):
        extra = {k: v for k, v in record.__dict__.items() if k not in BUILTIN}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        return " ".join(f"{k}={v if isinstance(v, str) and v.isalnum() else json.dumps(v if isinstance(v, str) else json.dumps(v))}"
                        for k, v in ({"time": stamp, "level": record.levelname, "msg": record.getMessage()} | extra).items())


handler = logging.FileHandler(sys.argv[1])
handler.setFormatter(LogfmtFormatter() if "logfmt" in sys.argv[2:] else JsonFormatter())
audit = logging.getLogger("audit")
audit.addHandler(handler)
audit.setLevel(logging.INFO)
audit.propagate = False


class Audit(Middleware):
    async def on_call_tool(self, context, call_next):
        args = context.message.arguments or {}
        what = {"request_id": context.fastmcp_context.request_id, "tool": context.message.name, "arguments": args,
                "user": "e2e"} | ({"target": args["path"]} if "path" in args else {})
        try:
            r = await call_next(context)
        except Exception:
            audit.error("tool failed", extra=what | {"outcome": "error"})
            raise
        audit.info("tool called", extra=what | {"outcome": "ok"})
        return r


mcp = FastMCP("audited")
mcp.add_middleware(Audit())


@mcp.tool
def read_file(path: str) -> str:
    with open(path) as f:
        return f.read()


@mcp.tool
def write_file(path: str, text: str, mode: int = 0o644) -> str:
    with open(path, "w") as f:
        return f"{f.write(text)} characters"


@mcp.tool
def delete_file(path: str) -> str:
    os.unlink(path)
    return "deleted"


@mcp.tool
def login(user: str, password: str) -> str:
    return f"hello {user}"


audit.info("starting", extra={"pid": os.getpid()})
mcp.run(show_banner=False)
