// SPDX-License-Identifier: Apache-2.0
// Arguments that no schema knows (OWASP API3, mass assignment; prototype pollution): the server takes whatever comes
// and obeys the extra ones.
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const s = new Server({ name: "orders", version: "1.0.0" }, { capabilities: { tools: {} } });
s.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [{ name: "place_order", description: "Places an order.", inputSchema: { type: "object",
  properties: { item: { type: "string" }, count: { type: "integer" }, size: { type: "string", enum: ["S", "M", "L"] } },
  required: ["item", "count"], additionalProperties: false } }] }));
s.setRequestHandler(CallToolRequestSchema, ({ params: { arguments: a } }) => ({ content: [{ type: "text",
  text: `ordered ${a.count} ${a.item} at ${a.price ?? 10} EUR${a.isAdmin ? " without approval" : ""}` }] }));
await s.connect(new StdioServerTransport());
