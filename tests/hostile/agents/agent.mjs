// SPDX-License-Identifier: Apache-2.0
// agent.mjs PLAN: what agent.py does, with npm's sdk 1.x. See there for the plan.
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const plan = JSON.parse(process.argv[2]);
const texts = [], clients = {}, started = [];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function filled(v) {
  if (Array.isArray(v)) return v.map(filled);
  if (v && typeof v === "object") return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, filled(x)]));
  if (typeof v !== "string") return v;
  return v.replace(/\{\{(\d+)(?::([^]*?))?\}\}/g, (_, n, re) => (re ? new RegExp(re, "s").exec(texts[n])[1] : texts[n]));
}

async function listening({ hostname, port }) {
  for (let i = 0; i < 1200; i++) {
    const ok = await new Promise((done) => {
      const s = connect(port, hostname, () => (s.destroy(), done(true)));
      s.on("error", () => done(false));
    });
    if (ok) return;
    await sleep(50);
  }
  throw new Error("the server does not listen after 60 s");
}

async function client(name) {
  if (clients[name]) return clients[name];
  const s = plan.servers[name];
  const c = new Client({ name: "agent-node", version: "1" },
    { capabilities: { sampling: {}, elicitation: {}, ...(plan.roots && { roots: {} }) } });
  c.setRequestHandler(CreateMessageRequestSchema, () =>
    ({ model: "none", role: "assistant", content: { type: "text", text: "As you wish." } }));
  c.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: plan.answers ?? {} }));
  if (plan.roots) c.setRequestHandler(ListRootsRequestSchema, () => ({ roots: plan.roots.map((uri) => ({ uri })) }));
  if (s.url) {
    if (s.start) started.push(spawn(s.start[0], s.start.slice(1), { stdio: ["ignore", "inherit", "inherit"] }));
    await listening(new URL(s.url));
    await c.connect(new StreamableHTTPClientTransport(new URL(s.url), { requestInit: { headers: s.headers ?? {} } }));
  } else {
    await c.connect(new StdioClientTransport({ command: s.argv[0], args: s.argv.slice(1), cwd: s.cwd, env: { ...process.env, ...s.env } }));
  }
  return (clients[name] = c);
}

async function close(name) {
  const c = clients[name];
  delete clients[name];
  await c.close();
}

const does = {
  open: async (name) => ["ok", (await client(name)).getInstructions() ?? ""],
  close: async (name) => (await close(name), ["ok", ""]),
  sleep: async (s) => (await sleep(s * 1000), ["ok", ""]),
  list: async (name) => ["ok", JSON.stringify((await (await client(name)).listTools()).tools)],
  call: async (name, tool, args) => {
    const r = await (await client(name)).callTool({ name: tool, arguments: filled(args) }, undefined, { timeout: 60000 });
    return [r.isError ? "tool_error" : "ok", r.content.map((i) => i.text ?? "").join("")];
  },
};
for (const [i, [what, ...args]] of plan.steps.entries()) {
  const [status, text] = await does[what](...args).catch((e) => ["error", String(e)]);
  texts.push(text);
  process.stdout.write(JSON.stringify({ step: i, status, text }) + "\n");
}
for (const name of Object.keys(clients)) await close(name).catch(() => {});
for (const p of started) p.kill();
process.exit(0);
