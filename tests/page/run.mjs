// SPDX-License-Identifier: Apache-2.0
// run.mjs - see tests/page/run. What the page shows is held against the records it was made of.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, openSync, closeSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { Chrome } from "./chrome.mjs";
import { cases } from "./cases.mjs";

const here = dirname(fileURLToPath(import.meta.url)), root = resolve(here, "../..");
const options = { bin: join(root, "build/mcpwatch"), shots: "", bench: false, quick: false, only: [] };
for (let i = 2; i < process.argv.length; i++) {
	const a = process.argv[i];
	if (a === "--bin") options.bin = resolve(process.argv[++i]);
	else if (a === "--shots") options.shots = resolve(process.argv[++i]);
	else if (a === "--bench") options.bench = true;
	else if (a === "--quick") options.quick = true;
	else if (a.startsWith("-")) {
		console.error("usage: tests/page/run [--bin FILE] [--shots DIR] [--bench [--quick]] [CASE...]");
		process.exit(2);
	} else options.only.push(a);
}

export class Kit {
	constructor() {
		this.dir = mkdtempSync(join(tmpdir(), "mcpwatch-pages-"));
		this.chrome = new Chrome();
		this.made = new Map();
		this.options = options;
	}

	// A file of records, and the page of it.
	page(calls, how = "") {
		const key = calls + how;
		if (!this.made.has(key)) {
			const records = join(this.dir, key + ".jsonl"), html = join(this.dir, key + ".html"), out = openSync(records, "w", 0o600);
			execFileSync(process.execPath, [join(here, "gen.mjs"), String(calls), how].filter(Boolean), { stdio: ["ignore", out, "inherit"] });
			closeSync(out);
			const begin = performance.now();
			this.timeline(records, html);
			this.made.set(key, { records, html, exported: performance.now() - begin });
		}
		return this.made.get(key);
	}

	timeline(log, html, wanted = 0, more = []) {
		const r = spawnSync(options.bin, ["timeline", "--format", "html", "--log", log, "-o", html, ...more], { encoding: "utf8" });
		if (r.status !== wanted) throw new Error("timeline ended with " + r.status + ", not " + wanted + ": " + r.stderr);
		return r.stderr;
	}

	records(calls, how) {
		return readFileSync(this.page(calls, how).records, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
	}

	// A sealed log with one record changed behind its seal.
	tampered() {
		const dir = join(this.dir, "log"), keys = join(this.dir, "keys");
		execFileSync(join(root, "build/log/make_log"), [dir, keys, "40", "7", "stop", "0"], { stdio: "ignore" });
		const seg = readdirSync(join(dir, "seg")).filter((f) => f.endsWith(".jsonl")).sort()[0], file = join(dir, "seg", seg);
		const bytes = readFileSync(file), at = bytes.indexOf('"status":"ok"');
		if (at < 0) throw new Error("no call to change");
		bytes.write('"status":"o_"', at);
		writeFileSync(file, bytes);
		return dir;
	}

	async shot(page, name) {
		if (options.shots) await page.shot(join(options.shots, name + ".png"));
	}

	async done() {
		await this.chrome.close();
		rmSync(this.dir, { recursive: true, force: true });
	}
}

async function bench(kit) {
	console.log("| page | records file | page | export | opens | target |");
	console.log("|---|---|---|---|---|---|");
	for (const [calls, target] of options.quick ? [[10000, 2]] : [[10000, 2], [100000, 6]]) {
		const made = kit.page(calls), times = [];
		for (let k = 0; k < 5; k++) {
			const p = await kit.chrome.page();
			times.push(await p.open(made.html));
			await p.close();
		}
		times.sort((a, b) => a - b);
		const mb = (f) => (statSync(f).size / 1e6).toFixed(0) + " MB", s = (ms) => (ms / 1000).toFixed(2) + " s";
		console.log("| " + [calls.toLocaleString("en-US") + " calls", mb(made.records), mb(made.html), s(made.exported), s(times[2]) + " (" + s(times[0]) + " – " + s(times[4]) + ")", "< " + target + " s"].join(" | ") + " |");
	}
}

const kit = new Kit();
let passed = 0, failed = 0;
try {
	if (options.bench) await bench(kit);
	else {
		for (const [name, run] of Object.entries(cases)) {
			if (options.only.length && !options.only.some((o) => name.includes(o))) continue;
			const begin = performance.now();
			try {
				const said = await run(kit);
				passed++;
				console.log("ok   " + name.padEnd(14) + ((performance.now() - begin) / 1000).toFixed(1).padStart(5) + " s" + (said ? "  " + said : ""));
			} catch (e) {
				failed++;
				console.log("FAIL " + name + ": " + (e.stack || e));
			}
		}
		console.log(passed + " passed, " + failed + " failed");
	}
} finally {
	await kit.done();
}
process.exit(failed ? 1 : 0);
