// SPDX-License-Identifier: Apache-2.0
// matrix_server.mjs stdio | http | http-stateless | sse | ws [PORT]: the matrix' server with npm's sdk 1.x
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ListRootsResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { WebSocketServer } from "ws";
import { z } from "zod";

const [how, port] = process.argv.slice(2);
const said = (text) => ({ content: [{ type: "text", text }] });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function server() {
  const s = new McpServer({ name: "matrix-npm", version: "1" }, { capabilities: { logging: {} } });
  s.registerTool("echo", { inputSchema: { text: z.string() } }, ({ text }) => said(text));
  s.registerTool("big", { inputSchema: { n: z.number() } }, ({ n }) => said("0123456789abcdef".repeat(n / 16 + 1).slice(0, n)));
  s.registerTool("fail", {}, () => { throw new Error("this tool always fails"); });
  s.registerTool("sleep", { inputSchema: { ms: z.number() } }, async ({ ms }) => (await sleep(ms), said("slept")));
  s.registerTool("notify", {}, async (extra) => {
    for (let i = 0; i < 3; i++) {
      await extra.sendNotification({ method: "notifications/message", params: { level: "info", data: `note ${i} \u00fc` } });
      if (extra._meta?.progressToken !== undefined)
        await extra.sendNotification({ method: "notifications/progress",
          params: { progressToken: extra._meta.progressToken, progress: i, total: 3 } });
    }
    return said("notified");
  });
  s.registerTool("ask", { inputSchema: { what: z.string() } }, async ({ what }, extra) => {
    const ask = {
      elicit: ["elicitation/create", { message: "Sure?", requestedSchema: { type: "object", properties: { answer: { type: "string" } } } }],
      sample: ["sampling/createMessage", { messages: [{ role: "user", content: { type: "text", text: "Say." } }], maxTokens: 9 }],
      roots: ["roots/list", undefined],
    }[what];
    const r = await extra.sendRequest({ method: ask[0], params: ask[1] }, z.looseObject({}));
    return said(JSON.stringify(r));
  });
  s.registerResource("note", "note://one", { mimeType: "text/plain" }, (uri) => ({ contents: [{ uri: uri.href, text: "a note, gr\u00fc\u00dfe" }] }));
  s.registerPrompt("greet", { argsSchema: { name: z.string() } }, ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Greet ${name}` } }] }));
  return s;
}

class WebSocketTransport {
  constructor(ws) {
    this.ws = ws;
    ws.on("message", (data) => this.onmessage?.(JSON.parse(data.toString())));
    ws.on("close", () => this.onclose?.());
  }
  async start() {}
  async send(message) { this.ws.send(JSON.stringify(message)); }
  async close() { this.ws.close(); }
}

const sessions = {};
async function streamable(req, res) {
  let t = sessions[req.headers["mcp-session-id"]];
  if (!t) {
    t = new StreamableHTTPServerTransport(how === "http-stateless" ? { sessionIdGenerator: undefined, enableJsonResponse: true } :
      { sessionIdGenerator: randomUUID, onsessioninitialized: (id) => { sessions[id] = t; } });
    await server().connect(t);
  }
  await t.handleRequest(req, res);
}
async function sse(req, res) {
  const url = new URL(req.url, "http://localhost");
  if (req.method === "GET" && url.pathname === "/sse") {
    const t = new SSEServerTransport("/messages", res);
    sessions[t.sessionId] = t;
    await server().connect(t);
  } else {
    await sessions[url.searchParams.get("sessionId")].handlePostMessage(req, res);
  }
}

if (how === "stdio") {
  await server().connect(new StdioServerTransport());
} else if (how === "ws") {
  new WebSocketServer({ host: "127.0.0.1", port: Number(port), handleProtocols: () => "mcp" })
    .on("connection", (ws) => server().connect(new WebSocketTransport(ws)));
} else {
  createServer(how === "sse" ? sse : streamable).listen(Number(port), "127.0.0.1");
}
