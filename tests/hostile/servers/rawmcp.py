# SPDX-License-Identifier: Apache-2.0
"""A server without a SDK, for what no SDK would send: definitions word by word, over stdio or HTTP."""

import http.server
import json
import sys


class Raw:
    def __init__(self, name, instructions=None, capabilities=None):
        self.name, self.tools, self.n = name, {}, 0
        self.hello = {"protocolVersion": "2025-11-25", "capabilities": capabilities or {"tools": {"listChanged": True}},
                      "serverInfo": {"name": name, "version": "1.0.0"}}
        if instructions:
            self.hello["instructions"] = instructions

    def tool(self, name, description, properties=None, **more):
        """Decorates the function that answers: a string, or a whole result. more: other members of the definition."""
        definition = {"name": name, "description": description,
                      "inputSchema": {"type": "object", "properties": properties or {}, "required": more.pop("required", [])}} | more

        def keep(f):
            self.tools[name] = definition, f
            return f
        return keep

    def answer(self, m):
        method, params = m.get("method"), m.get("params", {})
        if method == "initialize":
            return {"result": self.hello}
        if method == "tools/list":
            return {"result": {"tools": [d for d, _ in self.tools.values()]}}
        if method == "tools/call":
            if params["name"] not in self.tools:
                return {"error": {"code": -32602, "message": "no such tool"}}
            try:
                r = self.tools[params["name"]][1](**params.get("arguments", {}))
            except Exception as e:  # as the SDKs do
                return {"result": {"isError": True, "content": [{"type": "text", "text": f"{type(e).__name__}: {e}"}]}}
            return {"result": r if isinstance(r, dict) else {"content": [{"type": "text", "text": str(r)}]}}
        return {"result": {}}

    def send(self, message):
        sys.stdout.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        sys.stdout.flush()

    def ask(self, method, params):
        """A request of the server's own; its answer."""
        self.n += 1
        self.send({"id": f"s{self.n}", "method": method, "params": params})
        return json.loads(sys.stdin.readline())

    def run(self):
        for line in sys.stdin:
            m = json.loads(line)
            if "id" in m and "method" in m:
                self.send({"id": m["id"]} | self.answer(m))

    def serve(self, address, port, check=None):
        """Over HTTP, one JSON answer a POST. check(headers, message): (status, headers of the answer)."""
        raw = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                m = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, headers = check(self.headers, m) if check else (200, {})
                body = b""
                if status == 200 and "id" in m:
                    body = json.dumps({"jsonrpc": "2.0", "id": m["id"]} | raw.answer(m)).encode()
                self.send_response(status if body or status != 200 else 202)
                for k, v in ({"content-type": "application/json", "content-length": str(len(body))} | headers).items():
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer((address, port), Handler).serve_forever()
