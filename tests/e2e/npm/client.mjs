// SPDX-License-Identifier: Apache-2.0
// client.mjs PLAN OUT: makes the plan's calls with the npm SDK over stdio (socket pairs). Writes what
// py/client.py writes.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [planFile, out] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile));
const c2s = [], s2c = [];

class TappedTransport extends StdioClientTransport {
  async start() {
    await super.start();
    const { stdin, stdout } = this._process;
    const write = stdin.write.bind(stdin);
    stdin.write = (data, ...rest) => (c2s.push(Buffer.from(data)), write(data, ...rest));
    stdout.on("data", (chunk) => s2c.push(Buffer.from(chunk)));
  }
}

const client = new Client({ name: "e2e-npm", version: "1" });
await client.connect(new TappedTransport({
  command: plan.argv[0], args: plan.argv.slice(1), cwd: plan.cwd, maxBufferSize: 64 << 20,
}));
await client.listTools();

async function call({ tool, arguments: args }) {
  let r;
  try {
    r = await client.callTool({ name: tool, arguments: args }, undefined, { timeout: 120000 });
  } catch (e) {
    return { status: "rpc_error", text: String(e) };
  }
  const text = r.content.filter((c) => c.type === "text").map((c) => c.text).join("");
  return {
    status: r.isError ? "tool_error" : "ok",
    text_len: [...text].length,
    text_sha256: createHash("sha256").update(text).digest("hex"),
  };
}

const results = new Array(plan.calls.length);
let next = 0;
await Promise.all(Array.from({ length: plan.parallel }, async () => {
  for (let i; (i = next++) < plan.calls.length; )
    results[i] = await call(plan.calls[i]);
}));
await client.close();
writeFileSync(`${out}.json`, JSON.stringify(results));
writeFileSync(`${out}.0.c2s`, Buffer.concat(c2s));
writeFileSync(`${out}.0.s2c`, Buffer.concat(s2c));
