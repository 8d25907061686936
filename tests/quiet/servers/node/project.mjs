// SPDX-License-Identifier: Apache-2.0
// project.mjs FOLDER: builds, tests and cleans a node project, in the ways of such servers: exec with a shell,
// execFile, file functions
import { exec, execFile } from "node:child_process";
import fs from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const folder = process.argv[2];
const at = { cwd: folder };
const shell = promisify(exec), run = promisify(execFile);
const s = new McpServer({ name: "project-tools", version: "2.0.0" });
const said = (text) => ({ content: [{ type: "text", text }] });

s.registerTool("run_tests", { description: "Runs the unit tests", inputSchema: { pattern: z.string().optional() } },
  async ({ pattern }) => said((await run("node", ["--test", ...(pattern ? [`--test-name-pattern=${pattern}`] : []), "test/"], at)).stdout));
s.registerTool("build", { description: "Builds the project into dist/" }, async () => {
  await shell("mkdir -p dist && cp src/*.js dist/ && echo built > dist/.stamp", at);
  return said("built");
});
s.registerTool("clean", { description: "Removes dist/ and everything in it. Run build afterwards.",
  annotations: { destructiveHint: true, idempotentHint: true } }, async () => {
  await fs.rm(path.join(folder, "dist"), { recursive: true, force: true });
  return said("clean");
});
s.registerTool("format", { description: "Formats a source file in place", inputSchema: { file: z.string() } }, async ({ file }) => {
  const p = path.join(folder, file);
  const text = await fs.readFile(p, "utf8");
  await fs.writeFile(`${p}.tmp`, text.replace(/[ \t]+$/gm, ""));
  await fs.rename(`${p}.tmp`, p);
  return said("formatted");
});
s.registerTool("delete_file", { description: "Deletes a file of the project", inputSchema: { file: z.string() } }, async ({ file }) => {
  await fs.unlink(path.join(folder, file));
  return said(`deleted ${file}`);
});
s.registerTool("delete_files", { description: "Deletes the files that match", inputSchema: { folder: z.string(), suffix: z.string() },
  annotations: { destructiveHint: true } }, async (a) => {
  const names = (await fs.readdir(path.join(folder, a.folder))).filter((n) => n.endsWith(a.suffix));
  await Promise.all(names.map((n) => fs.unlink(path.join(folder, a.folder, n))));
  return said(`deleted ${names.length}`);
});
s.registerTool("git_log", { description: "Last commits", inputSchema: { n: z.number().int().max(50).default(10) },
  annotations: { readOnlyHint: true } }, async ({ n }) => said((await run("git", ["log", `-${n}`, "--oneline"], at)).stdout));
s.registerTool("search_code", { description: "Searches the sources with grep", inputSchema: { text: z.string() },
  annotations: { readOnlyHint: true } }, async ({ text }) => said((await run("grep", ["-rnF", "--", text, "src"], at)).stdout));
await s.connect(new StdioServerTransport());
