// SPDX-License-Identifier: Apache-2.0
// CVE-2025-53109 and CVE-2025-53110, EscapeRoute (Cymulate): the file server compares prefixes of strings, and checks
// a link's parent instead of what it points to.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const root = process.argv[2];
const s = new McpServer({ name: "filesystem", version: "0.6.2" });
const said = (text) => ({ content: [{ type: "text", text }] });
function checked(path) {
  const p = resolve(path);
  if (!p.startsWith(root) || !dirname(p).startsWith(root)) throw new Error("Access denied");
  return p;
}
s.registerTool("read_file", { description: "Reads a file.", inputSchema: { path: z.string() } }, ({ path }) => said(readFileSync(checked(path), "utf8")));
s.registerTool("write_file", { description: "Writes a file.", inputSchema: { path: z.string(), content: z.string() } },
  ({ path, content }) => (writeFileSync(checked(path), content), said("written")));
await s.connect(new StdioServerTransport());
