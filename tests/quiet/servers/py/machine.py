# SPDX-License-Identifier: Apache-2.0
"""machine.py: who works here, with what settings; reads what every program of a desktop reads"""

import configparser
import getpass
import grp
import json
import locale
import os
import platform
import pwd
import shutil
import socket
import ssl
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import tzlocal
import yaml
from dotenv import dotenv_values
from fastmcp import FastMCP

HERE = Path.cwd()
ENV = dotenv_values(HERE / ".env")
SETTINGS = yaml.safe_load((HERE / "config.yaml").read_text())
PACKAGE = json.loads((HERE / "package.json").read_text())
CONTEXT = ssl.create_default_context()
locale.setlocale(locale.LC_ALL, "")
mcp = FastMCP("machine", version=PACKAGE["version"])


@mcp.tool(annotations={"readOnlyHint": True})
def whoami() -> dict:
    """The user, from the system and from git."""
    git = configparser.ConfigParser(strict=False)
    git.read(Path.home() / ".gitconfig")
    user = pwd.getpwuid(os.getuid())
    return {"user": getpass.getuser(), "home": user.pw_dir, "groups": [g.gr_name for g in grp.getgrall() if user.pw_name in g.gr_mem],
            "name": git.get("user", "name", fallback=""), "mail": git.get("user", "email", fallback="")}


@mcp.tool(annotations={"readOnlyHint": True})
def time_in(zone: str) -> str:
    """The time in a zone such as Europe/Berlin; `local` for this machine's."""
    return datetime.now(tzlocal.get_localzone() if zone == "local" else ZoneInfo(zone)).isoformat()


@mcp.tool(annotations={"readOnlyHint": True})
def zones(prefix: str = "Europe/") -> list[str]:
    """Names of time zones."""
    return sorted(z for z in available_timezones() if z.startswith(prefix))[:20]


@mcp.tool(annotations={"readOnlyHint": True})
def registry() -> str:
    """Which package registry npm uses here, of ~/.npmrc."""
    lines = (Path.home() / ".npmrc").read_text().splitlines()
    return next((line.split("=", 1)[1] for line in lines if line.startswith("registry")), "the default")


@mcp.tool(annotations={"readOnlyHint": True})
def resolve(host: str) -> list[str]:
    """Addresses of a host."""
    return sorted({a[4][0] for a in socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)})


@mcp.tool(annotations={"readOnlyHint": True})
def disk_and_memory() -> dict:
    """How full disk and memory are."""
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return {"free": shutil.disk_usage("/").free, "memory": memory["MemAvailable"].strip(), "cores": os.cpu_count(),
            "system": platform.platform(), "load": Path("/proc/loadavg").read_text()}


@mcp.tool(annotations={"readOnlyHint": True})
def certificates() -> int:
    """How many certificate authorities are trusted."""
    return len(CONTEXT.get_ca_certs())


mcp.run(show_banner=False)
