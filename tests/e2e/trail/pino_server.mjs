// SPDX-License-Identifier: Apache-2.0
// pino_server.mjs KIT TRAIL: a server with the TypeScript SDK (of the folder KIT) that keeps an audit trail of its
// own in pino's format: a line as a tool begins, and one as it ends
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";

const [kit, trail] = process.argv.slice(2);
const require = createRequire(kit + "/");
const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
const { z } = require("zod");

const out = fs.openSync(trail, "a");

function log(level, what, msg) {
  const line = { level, time: Date.now(), pid: process.pid, hostname: os.hostname(), ...what, msg };
  fs.writeSync(out, JSON.stringify(line) + "\n");
}

const s = new McpServer({ name: "audited-pino", version: "1" });

function tool(name, inputSchema, run) {
  s.registerTool(name, { inputSchema }, async (args, extra) => {
    const what = { req: { id: extra.requestId }, tool: name, args };
    log(30, what, "tool called");
    try {
      const text = await run(args);
      log(30, { ...what, target: args.path, success: true }, "tool ended");
      return { content: [{ type: "text", text }] };
    } catch (e) {
      log(50, { ...what, target: args.path, err: { type: e.name, message: e.message } }, "tool failed");
      throw e;
    }
  });
}

const path = z.string();
tool("read_file", { path }, async ({ path }) => fs.promises.readFile(path, "utf8"));
tool("write_file", { path, text: z.string() }, async ({ path, text }) => {
  await fs.promises.writeFile(path, text);
  return "written";
});
tool("delete_file", { path }, async ({ path }) => {
  await fs.promises.unlink(path);
  return "deleted";
});
tool("login", { user: z.string(), password: z.string() }, async ({ user }) => `hello ${user}`);

log(30, {}, "starting");
await s.connect(new StdioServerTransport());
process.stdin.on("end", () => process.exit());
