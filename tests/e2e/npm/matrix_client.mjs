// SPDX-License-Identifier: Apache-2.0
// matrix_client.mjs PLAN OUT: makes the plan's steps with npm's sdk 1.x; how each ended goes to OUT.json
import { readFileSync, writeFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { WebSocket } from "ws";

const [planFile, out] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile));
globalThis.WebSocket ??= WebSocket;

const client = new Client({ name: "matrix-npm", version: "1" }, { capabilities: { sampling: {}, elicitation: {}, roots: {} } });
client.setRequestHandler(CreateMessageRequestSchema, () => ({ model: "none", role: "assistant", content: { type: "text", text: "said" } }));
client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { answer: "yes" } }));
client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///tmp", name: "tmp" }] }));

const url = plan.url && new URL(plan.url);
const transport = {
  stdio: () => new StdioClientTransport({ command: plan.argv[0], args: plan.argv.slice(1), cwd: plan.cwd, env: { ...process.env, ...plan.env } }),
  http: () => new StreamableHTTPClientTransport(url),
  sse: () => new SSEClientTransport(url),
  ws: () => new WebSocketClientTransport(url),
}[plan.transport]();
await client.connect(transport);

const call = (name, args, options) => client.callTool({ name, arguments: args }, undefined, { timeout: 60000, ...options });
const does = {
  tools: () => client.listTools(),
  call,
  notify: (name, args) => call(name, args, { onprogress: () => {} }),
  parallel: (calls) => Promise.all(calls.map(([name, args]) => call(name, args).catch((e) => e))),
  ping: () => client.ping(),
  resources: () => client.listResources(),
  read: (uri) => client.readResource({ uri }),
  prompts: () => client.listPrompts(),
  prompt: (name, args) => client.getPrompt({ name, arguments: args }),
  cancel: (name, args, ms) => call(name, args, { signal: AbortSignal.timeout(ms) }),
};
const ends = [];
for (const [what, ...args] of plan.steps) {
  try {
    const r = await does[what](...args);
    ends.push(r?.isError ? "tool_error" : "ok");
  } catch (e) {
    ends.push(`error: ${String(e).slice(0, 200)}`);
  }
}
await transport.terminateSession?.();
await client.close();
writeFileSync(`${out}.json`, JSON.stringify(ends));
process.exit(0);
