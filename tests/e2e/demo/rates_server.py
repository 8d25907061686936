# SPDX-License-Identifier: Apache-2.0
"""rates_server.py FILE: serves exchange rates on the loopback; writes its port to FILE."""

import http.server
import sys
from pathlib import Path


class Rates(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"EUR": 1.0, "USD": 1.09, "CHF": 0.94}')

    def log_message(self, *args):
        pass


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rates)
Path(sys.argv[1]).write_text(str(web.server_port))
web.serve_forever()
