// SPDX-License-Identifier: Apache-2.0
// SSRF in a link preview (vulnerable-mcp-servers-lab; "fetch" servers of the registry): node's fetch follows names,
// redirects and v6-mapped addresses alike. It checks the name first and looks it up again to connect: DNS rebinding.
import { lookup } from "node:dns/promises";
import { get } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const s = new McpServer({ name: "link-preview", version: "1.0.0" });
s.registerTool("preview", { description: "Shows the start of a web page.", inputSchema: { url: z.string() } }, async ({ url }) => {
  const { hostname } = new URL(url);
  const { address } = await lookup(hostname.replace(/[[\]]/g, ""));
  if (/^(10|127|192\.168)\./.test(address)) throw new Error("private");
  const text = await new Promise((done, failed) =>
    get(url, { agent: false }, (r) => r.setEncoding("utf8").on("data", done)).on("error", failed));
  return { content: [{ type: "text", text }] };
});
await s.connect(new StdioServerTransport());
