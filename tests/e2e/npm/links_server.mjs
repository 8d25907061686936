// SPDX-License-Identifier: Apache-2.0
// links_server.mjs promises|timers|sync|exec|fetch FOLDER PORT: the server of tests/bench/links in node (see
// plan.py there). Delays are made of file operations, as slow work is, and a chain of requests goes through
// them; with timers, of setTimeout, which breaks it.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { promisify } from "node:util";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const [kind, folder, port] = process.argv.slice(2);
const run = promisify(execFile);
const FILES = ["make", "read", "old", "new", "drop", "child"];

function derive(args) {
  const hash = (what) => createHash("sha256").update(`${args.key}:${what}`).digest();
  const hex = (what) => hash(what).toString("hex").slice(0, 24);
  const at = Object.fromEntries(FILES.map((what) => [what, args[what] ?? `${folder}/${what}-${hex(what)}`]));
  const d = hash("delete");
  at.get = args.get ?? `http://127.0.0.1:${port}/${hex("get")}`;
  at.delete = args.delete ?? `http://127.${2 + d[0] % 250}.${d[1]}.${1 + d[2] % 254}:${port}/${hex("delete")}`;
  return at;
}

async function wait(ms) {
  if (kind === "timers")
    return new Promise((done) => setTimeout(done, ms));
  for (const end = performance.now() + ms; performance.now() < end;)
    await fs.promises.stat(folder);
}

// every other time by way of a shell that waits for it
const touch = (path) => "02468ace".includes(path.at(-1)) ? run("touch", [path]) :
  run("sh", ["-c", 'touch "$1"; exit 0', "sh", path]);

async function request(method, url) {
  const r = await fetch(url, { method });
  await r.text();
}

async function work(at, delays) {
  await wait(delays[0]);
  if (kind === "sync") {
    fs.writeFileSync(at.make, "made\n");
    await wait(delays[1]);
    fs.readFileSync(at.read);
    fs.renameSync(at.old, at.new);
    await wait(delays[2]);
    fs.unlinkSync(at.drop);
  } else {
    await fs.promises.writeFile(at.make, "made\n");
    if (kind === "fetch")
      await request("GET", at.get);
    await wait(delays[1]);
    await fs.promises.readFile(at.read);
    await fs.promises.rename(at.old, at.new);
    await wait(delays[2]);
    await fs.promises.unlink(at.drop);
    if (kind === "exec")
      await touch(at.child);
    if (kind === "fetch")
      await request("DELETE", at.delete);
  }
  await wait(delays[3]);
}

async function background() {
  for (let i = 0; ; i++) {
    const at = Object.fromEntries(FILES.map((what) => [what, `${folder}/background-${i}-${what}`]));
    at.get = at.delete = `http://127.0.0.1:${port}/background-${i}`;
    for (const what of ["read", "old", "drop"])
      await fs.promises.writeFile(at[what], "");
    await work(at, [10, 3, 3, 10]);
    await new Promise((done) => setTimeout(done, 10));
  }
}

const s = new McpServer({ name: "links-npm", version: "1" });
const text = z.string().optional();
s.registerTool("work", { inputSchema: { delays: z.array(z.number()), key: text, note: text, make: text, read: text, old: text,
  new: text, drop: text, child: text, get: text, delete: text } }, async (args) => {
  await work(derive(args), args.delays);
  return { content: [{ type: "text", text: "done" }] };
});
await s.connect(new StdioServerTransport());
process.stdin.on("end", () => process.exit());
background();
