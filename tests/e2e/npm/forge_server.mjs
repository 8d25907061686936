// SPDX-License-Identifier: Apache-2.0
// forge_server.mjs FOLDER: its tool work {"n"} removes FOLDER/c<n, four digits>-victim. Which lies are told
// about it is forge.c's, which is to be preloaded.
import fs from "node:fs/promises";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const s = new McpServer({ name: "e2e-forge-npm", version: "1" });
s.registerTool("work", { inputSchema: { n: z.number() } }, async ({ n }) => {
  const path = `${process.argv[2]}/c${String(n).padStart(4, "0")}-victim`;
  await (await fs.open(path)).close();
  await fs.unlink(path);
  return { content: [{ type: "text", text: "done" }] };
});
await s.connect(new StdioServerTransport());
