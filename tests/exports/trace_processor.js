// SPDX-License-Identifier: Apache-2.0
// trace_processor.js FOLDER: Perfetto's trace processor, as its page runs it in a worker (FOLDER holds the page's
// files), over stdin and stdout: bytes of TraceProcessorRpcStream both ways. What it logs goes to stderr.
"use strict";

const fs = require("fs");
const path = require("path");
const vm = require("vm");

const folder = process.argv[2];
const log = (...args) => process.stderr.write(args.join(" ") + "\n");

// the bundle is one line of a megabyte, which no message needs
function fail(e) {
	log(e && e.message);
	process.exit(1);
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

// The worker loads the program at once, from beside the bundle.
class XMLHttpRequest {
	open(method, url) {
		this.file = path.join(folder, path.basename(url));
	}
	send() {
		this.response = new Uint8Array(fs.readFileSync(this.file)).buffer;
	}
}

function writeAll(bytes) {
	for (let n = 0; n < bytes.length;) {
		try {
			n += fs.writeSync(1, bytes, n);
		} catch (e) {
			if (e.code !== "EAGAIN")
				throw e;
		}
	}
}

const port = { onmessage: null, postMessage: (bytes) => writeAll(Buffer.from(bytes)) };
const self = { location: { href: "http://page/engine_bundle.js" }, onmessage: null };
const world = {
	self, location: self.location, XMLHttpRequest, WorkerGlobalScope: class {}, WebAssembly, URL,
	TextDecoder, TextEncoder, setTimeout, clearTimeout, performance,
	console: { log, warn: log, error: log },
	// ours, so that bytes from here are what the bundle takes for bytes
	Uint8Array, Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
	BigInt64Array, BigUint64Array, ArrayBuffer, DataView, Error, TypeError, Promise,
};
vm.runInNewContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"), world);
self.onmessage({ data: port });

setImmediate(() => {
	process.stdin.on("data", (bytes) => port.onmessage({ data: new Uint8Array(bytes) }));
	process.stdin.on("end", () => process.exit(0));
});
