# SPDX-License-Identifier: Apache-2.0
"""SSRF as OWASP's SSRF prevention cheat sheet has it: a deny list of literal addresses, and inet_aton's other forms
of them (decimal, octal, hex)."""

import http.client
import socket
from urllib.parse import urlsplit

from rawmcp import Raw

mcp = Raw("reader")


@mcp.tool("read_page", "Reads a web page.", {"url": {"type": "string"}}, required=["url"])
def read_page(url):
    u = urlsplit(url)
    if u.hostname in ("169.254.169.254", "127.0.0.1", "localhost", "metadata.google.internal"):
        raise ValueError("this host is not allowed")
    c = http.client.HTTPConnection(socket.inet_ntoa(socket.inet_aton(u.hostname)), u.port or 80, timeout=30)
    c.request("GET", u.path, headers={"Metadata-Flavor": "Google"})
    return c.getresponse().read().decode()


mcp.run()
