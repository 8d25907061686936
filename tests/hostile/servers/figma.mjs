// SPDX-License-Identifier: Apache-2.0
// CVE-2025-53967 (Imperva, "Another Critical RCE Discovered in a Popular MCP Server"): framelink figma-developer-mcp
// falls back to curl with child_process.exec when fetch fails, and puts the URL into the shell's command line.
import { exec } from "node:child_process";
import { promisify } from "node:util";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const s = new McpServer({ name: "figma", version: "0.6.2" });
s.registerTool("get_figma_data", { description: "Gets a design.", inputSchema: { fileKey: z.string() } }, async ({ fileKey }) => {
  const url = `http://203.0.113.1:9/v1/files/${fileKey}`;
  const text = await fetch(url).then((r) => r.text(), () =>
    promisify(exec)(`curl -s -S -m 1 "${url}"`).then((r) => r.stdout, (e) => e.message));
  return { content: [{ type: "text", text }] };
});
await s.connect(new StdioServerTransport());
