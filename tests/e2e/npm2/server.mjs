// SPDX-License-Identifier: Apache-2.0
// server.mjs stdio | http | http-session [PORT]: the matrix' server with npm's server 2.x. http is its own
// entry (2026-07-28, and the handshake's revisions without sessions), http-session its transport with them.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { NodeStreamableHTTPServerTransport, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const [how, port] = process.argv.slice(2);
const said = (text) => ({ content: [{ type: "text", text }] });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function server() {
  const s = new McpServer({ name: "matrix-npm2", version: "1" }, { capabilities: { logging: {} } });
  const tool = (name, shape, f) => s.registerTool(name, { inputSchema: z.object(shape) }, f);
  tool("echo", { text: z.string() }, ({ text }) => said(text));
  tool("big", { n: z.number() }, ({ n }) => said("0123456789abcdef".repeat(n / 16 + 1).slice(0, n)));
  tool("fail", {}, () => { throw new Error("this tool always fails"); });
  tool("sleep", { ms: z.number() }, async ({ ms }) => (await sleep(ms), said("slept")));
  tool("notify", {}, async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (let i = 0; i < 3; i++) {
      await ctx.mcpReq.log("info", `note ${i} \u00fc`);
      if (progressToken !== undefined)
        await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: i, total: 3 } });
    }
    return said("notified");
  });
  tool("ask", { what: z.string() }, ({ what }, ctx) => {
    if (ctx.mcpReq.inputResponses?.wanted)
      return said(JSON.stringify(ctx.mcpReq.inputResponses));
    const wanted = {
      elicit: () => inputRequired.elicit({ message: "Sure?", requestedSchema: { type: "object", properties: { answer: { type: "string" } } } }),
      sample: () => inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text: "Say." } }], maxTokens: 9 }),
      roots: () => inputRequired.listRoots(),
    }[what]();
    return inputRequired({ inputRequests: { wanted }, requestState: `state of ${what}` });
  });
  s.registerResource("note", "note://one", { mimeType: "text/plain" }, (uri) => ({ contents: [{ uri: uri.href, text: "a note, gr\u00fc\u00dfe" }] }));
  s.registerPrompt("greet", { argsSchema: z.object({ name: z.string() }) }, ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Greet ${name}` } }] }));
  return s;
}

const sessions = {};
async function withSessions(req, res) {
  let t = sessions[req.headers["mcp-session-id"]];
  if (!t) {
    t = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => { sessions[id] = t; } });
    await server().connect(t);
  }
  await t.handleRequest(req, res);
}

if (how === "stdio")
  serveStdio(server);
else
  createServer(how === "http" ? toNodeHandler(createMcpHandler(server)) : withSessions).listen(Number(port), "127.0.0.1");
