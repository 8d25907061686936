# SPDX-License-Identifier: Apache-2.0
"""httpd.py PORT-FILE: an MCP server over Streamable HTTP, one JSON answer a POST, on a free port of the
loopback that it writes to PORT-FILE. Tools: delete {"path"}, echo."""

import http.server
import json
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        m = json.loads(self.rfile.read(int(self.headers["content-length"])))
        params = m.get("params", {})
        if params.get("name") == "delete":
            os.unlink(params["arguments"]["path"])
        result = {"content": []}
        if m["method"] == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "httpd", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": result}).encode() if "id" in m else b""
        self.send_response(200 if body else 202)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
