// SPDX-License-Identifier: Apache-2.0
// browser.mjs FOLDER: what a browser's server does without a browser: pages, screenshots, downloads
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const folder = process.argv[2];
const s = new McpServer({ name: "browser", version: "0.0.41" });
const said = (text) => ({ content: [{ type: "text", text }] });
let page = "";

s.registerTool("browser_navigate", { description: "Navigate to a URL", inputSchema: { url: z.string().describe("The URL to navigate to") },
  annotations: { destructiveHint: true, openWorldHint: true } }, async ({ url }) => {
  page = await (await fetch(url)).text();
  return said(page.slice(0, 500));
});
s.registerTool("browser_snapshot", { description: "Capture accessibility snapshot of the current page, this is better than screenshot",
  annotations: { readOnlyHint: true } }, async () => said(page.replace(/<[^>]*>/g, "").slice(0, 2000)));
s.registerTool("browser_take_screenshot", { description: "Take a screenshot of the current page. You can't perform actions based on " +
  "the screenshot, use browser_snapshot for actions.", annotations: { readOnlyHint: true },
  inputSchema: { filename: z.string().optional(), type: z.enum(["png", "jpeg"]).default("png"), fullPage: z.boolean().optional() },
}, async ({ filename, fullPage }) => {
  const n = fullPage ? 10000 : 3000; // of 32 bytes each
  const image = Buffer.concat(Array.from({ length: n }, (_, i) => createHash("sha256").update(`${page}${i}`).digest()));
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), "shot-"));
  await fs.writeFile(path.join(dir, "raw.png"), image);
  if (filename)
    await fs.copyFile(path.join(dir, "raw.png"), path.join(folder, filename));
  await fs.rm(dir, { recursive: true });
  return { content: [{ type: "image", mimeType: "image/png", data: image.toString("base64") }] };
});
s.registerTool("browser_download", { description: "Save a URL to the downloads folder",
  inputSchema: { url: z.string().url(), filename: z.string() } }, async ({ url, filename }) => {
  const body = Buffer.from(await (await fetch(url)).arrayBuffer());
  await fs.writeFile(path.join(folder, filename), body);
  return said(`${body.length} bytes in ${path.join(folder, filename)}`);
});
s.registerTool("browser_close", { description: "Close the page" }, async () => {
  page = "";
  return said("closed");
});
await s.connect(new StdioServerTransport());
