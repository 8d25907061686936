// SPDX-License-Identifier: Apache-2.0
// client.mjs PLAN OUT: makes the plan's steps with npm's client 2.x; how each ended goes to OUT.json
import { readFileSync, writeFileSync } from "node:fs";
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [planFile, out] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile));

const client = new Client({ name: "matrix-npm2", version: "1" }, {
  capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} },
  versionNegotiation: { mode: plan.modern ? "auto" : "legacy" },
});
client.setRequestHandler("sampling/createMessage", () => ({ model: "none", role: "assistant", content: { type: "text", text: "said" } }));
client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { answer: "yes" } }));
client.setRequestHandler("roots/list", () => ({ roots: [{ uri: "file:///tmp", name: "tmp" }] }));

const url = plan.url && new URL(plan.url);
const transport = {
  stdio: () => new StdioClientTransport({ command: plan.argv[0], args: plan.argv.slice(1), cwd: plan.cwd, env: { ...process.env, ...plan.env } }),
  http: () => new StreamableHTTPClientTransport(url),
  sse: () => new SSEClientTransport(url),
}[plan.transport]();
await client.connect(transport);

const call = (name, args, options) => client.callTool({ name, arguments: args }, { timeout: 60000, ...options });
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
