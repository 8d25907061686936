// SPDX-License-Identifier: Apache-2.0
// CVE-2025-6515, prompt hijacking (JFrog, oatpp-mcp), and the specification's "Session hijacking": session ids are
// used as if they were logins, so whoever guesses one speaks for its owner.
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

let n = 1000;
const transports = {};
createServer(async (req, res) => {
  let t = transports[req.headers["mcp-session-id"]];
  if (!t) {
    t = new StreamableHTTPServerTransport({ sessionIdGenerator: () => `session-${n++}`, enableJsonResponse: true,
      onsessioninitialized: (id) => { transports[id] = t; } });
    const s = new McpServer({ name: "inbox", version: "1.0.0" });
    s.registerTool("read_inbox", { description: "Reads the inbox.", inputSchema: {} }, () => ({ content: [{ type: "text", text: "1 new message" }] }));
    await s.connect(t);
  }
  await t.handleRequest(req, res);
}).listen(Number(process.argv[2]), "127.0.0.1");
