// SPDX-License-Identifier: Apache-2.0
// client.mjs PLAN OUT: makes the plan's steps with npm's sdk 1.x; plan and OUT as client.py has them. Node finds
// the sdk beside this file: it is run from a copy in the kit's folder.
import { readFileSync, writeFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ToolListChangedNotificationSchema }
  from "@modelcontextprotocol/sdk/types.js";

const plan = JSON.parse(readFileSync(process.argv[2]));
const said = "A short summary of what was asked for.";

// fills a form as a person would: each field with the first thing allowed
function fill(schema) {
  const filled = {};
  for (const [name, f] of Object.entries(schema?.properties ?? {})) {
    if (!schema.required?.includes(name))
      continue;
    filled[name] = f.enum?.[0] ?? f.oneOf?.[0]?.const ?? { boolean: true, integer: 7, number: 7 }[f.type] ??
      { email: "pat@example.com", uri: "https://example.com", date: "1990-04-01" }[f.format] ?? "yes";
  }
  return filled;
}

function transport(s) {
  if (s.argv)
    return new StdioClientTransport({ command: s.argv[0], args: s.argv.slice(1), cwd: s.cwd, env: { ...process.env, ...s.env } });
  const options = { requestInit: { headers: s.headers ?? {} } };
  return s.sse ? new SSEClientTransport(new URL(s.url), options) : new StreamableHTTPClientTransport(new URL(s.url), options);
}

async function connect(s) {
  const c = new Client({ name: "code-agent", version: "1.20.2" },
    { capabilities: { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } } });
  c.setRequestHandler(CreateMessageRequestSchema, () => ({ model: "local-1", role: "assistant", content: { type: "text", text: said } }));
  c.setRequestHandler(ElicitRequestSchema, ({ params }) => ({ action: "accept", content: fill(params.requestedSchema) }));
  c.setRequestHandler(ListRootsRequestSchema, () =>
    ({ roots: (plan.roots ?? []).map((r) => ({ uri: `file://${r}`, name: r.split("/").at(-1) })) }));
  c.changes = 0;
  c.setNotificationHandler(ToolListChangedNotificationSchema, () => { c.changes++; });
  await c.connect(transport(s));
  return c;
}

const clients = {};
for (const [name, s] of Object.entries(plan.servers))
  clients[name] = await connect(s);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function call(c, name, args, options) {
  const r = await c.callTool({ name, arguments: args }, undefined, { timeout: 60000, ...options });
  return r.isError ? "tool_error" : "ok";
}

const does = {
  call,
  progress: (c, name, args) => call(c, name, args, { onprogress: () => {} }),
  tools: (c) => c.listTools(),
  changed: async (c) => {
    for (let i = 0; !c.changes; i++) {
      if (i === 1000)
        throw new Error("no notice of a changed list");
      await wait(10);
    }
    c.changes = 0;
    await c.listTools();
  },
  ping: (c) => c.ping(),
  resources: (c) => c.listResources(),
  read: (c, uri) => c.readResource({ uri }),
  prompts: (c) => c.listPrompts(),
  prompt: (c, name, args) => c.getPrompt({ name, arguments: args }),
};

async function one([what, ...args]) {
  const last = args.at(-1);
  const at = last && typeof last === "object" && Object.keys(last).join() === "at" ? args.pop().at : Object.keys(clients)[0];
  try {
    const r = await does[what](clients[at], ...args);
    return typeof r === "string" ? r : "ok";
  } catch (e) {
    return `error: ${e}`.slice(0, 300);
  }
}

const ends = [];
for (const step of plan.steps) {
  await wait(plan.pace_ms);
  ends.push(step[0] === "parallel" ? await Promise.all(step[1].map(one)) : await one(step));
}
for (const c of Object.values(clients)) {
  if (c.transport.terminateSession)
    await c.transport.terminateSession();
  await c.close();
}
writeFileSync(process.argv[3], JSON.stringify(ends));
