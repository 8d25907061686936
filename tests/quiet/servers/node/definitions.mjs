// SPDX-License-Identifier: Apache-2.0
// definitions.mjs FILE: offers the tools of a file of definitions and answers each call with a plain line. Tools
// of "later" appear, with a notice, when the tool named "on" there has been called.
import { readFileSync } from "node:fs";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const file = JSON.parse(readFileSync(process.argv[2]));
let tools = file.tools;
const s = new Server(file.server, { capabilities: { tools: { listChanged: true } }, instructions: file.instructions });
s.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
  const from = Number(params?.cursor ?? 0), to = from + 25;
  return { tools: tools.slice(from, to), ...(to < tools.length ? { nextCursor: String(to) } : {}) };
});
s.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  if (!tools.some((t) => t.name === params.name))
    throw new Error(`Unknown tool: ${params.name}`);
  if (params.name === file.later?.on && tools === file.tools) {
    tools = [...tools, ...file.later.tools];
    await s.sendToolListChanged();
  }
  return { content: [{ type: "text", text: JSON.stringify({ ok: true, items: [] }) }] };
});
await s.connect(new StdioServerTransport());
