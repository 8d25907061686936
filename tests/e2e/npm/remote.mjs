// SPDX-License-Identifier: Apache-2.0
// remote.mjs URL: a server on stdio that passes all on to one over HTTP, as mcp-remote does: it parses each
// message and writes it anew.
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";

const up = new StdioServerTransport();
const down = new StreamableHTTPClientTransport(new URL(process.argv[2]));
up.onmessage = (m) => down.send(m).catch((e) => process.stderr.write(`${e}\n`));
down.onmessage = (m) => {
  if (m.result?.protocolVersion)
    down.setProtocolVersion(m.result.protocolVersion);
  up.send(m);
};
process.stdin.on("end", async () => {
  await down.terminateSession();
  process.exit(0);
});
await down.start();
await up.start();
