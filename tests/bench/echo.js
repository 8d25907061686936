// SPDX-License-Identifier: Apache-2.0
// echo.js: a JSON-RPC server on stdio that answers each request with its own params
"use strict";

let rest = "";

function answer(line) {
	const req = JSON.parse(line);
	if (req.id === undefined)
		return;
	const result = req.method === "initialize"
		? { protocolVersion: "2025-06-18", capabilities: { tools: {} },
		    serverInfo: { name: "echo", version: "1" } }
		: { content: [{ type: "text", text: JSON.stringify(req.params) }] };
	process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id: req.id, result }) + "\n");
}

process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
	const lines = (rest + chunk).split("\n");
	rest = lines.pop();
	lines.forEach(answer);
});
process.stdin.on("end", () => process.exit(0));
