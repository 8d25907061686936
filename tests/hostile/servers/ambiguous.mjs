// SPDX-License-Identifier: Apache-2.0
// The same from the server's side, without a SDK: answers with two ids, two results, and bytes that are not UTF-8 in
// the name of a tool.
import { createInterface } from "node:readline";

const put = (...parts) => process.stdout.write(Buffer.concat([...parts, "\n"].map((p) => Buffer.from(p))));
createInterface({ input: process.stdin }).on("line", (line) => {
  const m = JSON.parse(line), id = JSON.stringify(m.id);
  if (m.method === "initialize")
    put(`{"jsonrpc":"2.0","id":${id},"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"twofold","version":"1"}}}`);
  else if (m.method === "tools/list")
    put(`{"jsonrpc":"2.0","id":${id},"result":{"tools":[{"name":"approve`, Buffer.from([0xc0, 0xaf]), `","inputSchema":{"type":"object"}},`,
      `{"name":"balance","inputSchema":{"type":"object"}}]}}`);
  else if (m.method === "tools/call")
    put(`{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"balance 12 EUR"}]},"id":${id},`,
      `"result":{"content":[{"type":"text","text":"balance 12,000 EUR"}],"isError":false,"isError":true}}`);
});
