/* SPDX-License-Identifier: Apache-2.0 */
/* data.js - the blocks behind the page, read into columns; records, read when they are asked for
 * (export_html.h has the form of both) */

const T = { OTHER: 0, CALL: 1, EFFECT: 2, ALERT: 3, GAP: 4, ANOMALY: 5, SERVER: 6, TOOL: 7, NOTICE: 8, DAEMON: 9, REQUEST: 10, BODY: 11, TIES: 12, SEAL: 13 };
const TYPES = ["other", "call", "effect", "alert", "gap", "anomaly", "server", "tool", "notice", "daemon", "request", "body", "ties", "seal"];
const STATUS = ["unknown", "ok", "tool_error", "rpc_error", "cancelled", "no_response", "lost", "open"];
const LINKS = ["none", "causal", "lineage", "flow", "argument", "response", "order", "sole", "shared"];
const CONFIDENCE = ["none", "certain", "likely", "shared"];
const SEVERITY = ["unknown", "low", "medium", "high", "critical"];
const F = { SETTLED: 1, AFTER: 2, INCOMPLETE: 4, ONE_SIDED: 8, FAILED: 16, SUMMARY: 32 };
const OPEN = 7;
const COLUMNS = [
	[Float64Array, ["t", "d", "seq"]],
	[Uint32Array, ["server", "session", "name", "aux", "who", "callp", "calln", "chunk", "off"]],
	[Uint8Array, ["type", "status", "conf", "flags", "input"]],
];

/* Rows, by number; `dict` their names, parsed. */
const D = { n: 0, dict: [null, "(no room for this name)"], text: [], faults: [] };
let recordBlocks = [];

async function inflate(base64) {
	let raw;
	if (Uint8Array.fromBase64) raw = Uint8Array.fromBase64(base64);
	else {
		const s = atob(base64);
		raw = new Uint8Array(s.length);
		for (let i = 0; i < s.length; i++) raw[i] = s.charCodeAt(i);
	}
	const z = new DecompressionStream("deflate-raw"), w = z.writable.getWriter();
	w.write(raw).catch(() => {});
	w.close().catch(() => {});
	return new Uint8Array(await new Response(z.readable).arrayBuffer());
}

function readBlock(raw) {
	const end = raw.indexOf(10);
	const head = JSON.parse(new TextDecoder().decode(raw.subarray(0, end)));
	const b = { n: head.n, from: head.from, dict: head.dict, text: head.text };
	let at = end + 1;
	for (const [kind, names] of COLUMNS)
		for (const name of names) {
			const len = head.n * kind.BYTES_PER_ELEMENT;
			b[name] = new kind(raw.slice(at, at + len).buffer);
			at += len;
		}
	return b;
}

async function loadRows(progress) {
	const nodes = [...document.querySelectorAll("script.i")], blocks = [];
	recordBlocks = [...document.querySelectorAll("script.r")];
	const one = async (i) => {
		try {
			blocks[i] = readBlock(await inflate(nodes[i].textContent));
		} catch (e) {
			D.faults.push("Block " + (i + 1) + " of " + nodes.length + " cannot be read: its rows are missing here.");
		}
		nodes[i].remove();
	};
	for (let i = 0; i < nodes.length; i += 8) {
		await Promise.all(nodes.slice(i, i + 8).map((_, k) => one(i + k)));
		if (nodes.length > 16) progress(i / nodes.length);
	}
	const good = blocks.filter(Boolean);
	D.n = good.reduce((n, b) => n + b.n, 0);
	for (const [kind, names] of COLUMNS)
		for (const name of names) {
			D[name] = new kind(D.n);
			let at = 0;
			for (const b of good) {
				D[name].set(b[name], at);
				at += b.n;
			}
		}
	for (const b of good) {
		/* by their numbers: a block that cannot be read leaves its names out, and no other's */
		b.dict.forEach((v, k) => {
			D.dict[b.from + k] = v;
		});
		for (const v of b.text) D.text.push(v);
	}
	checkWhole(nodes.length > good.length);
	tieRows();
}

function checkWhole(missing) {
	const end = document.getElementById("end"), facts = end && parse(end.textContent);
	if (!facts) D.faults.push("This file is cut off: what follows its last block is missing.");
	else if (facts.rows !== D.n && !missing) D.faults.push("This file was changed: it says " + count(facts.rows) + " rows and has " + count(D.n) + ".");
	if (facts && facts.dropped > 0) D.faults.push(plural(facts.dropped, "name") + " found no room in the index: filters do not see them, the records have them.");
}

/* Which call's record, by the call's id. */
const callRows = new Map();

function callKey(prefix, number) {
	return prefix * 4294967296 + number;
}

function tieRows() {
	const n = D.n;
	D.call = new Int32Array(n).fill(-1); /* the row of the call that this one belongs to */
	D.first = new Int32Array(n).fill(-1); /* of a call: its effects, alerts and anomalies */
	D.next = new Int32Array(n).fill(-1);
	D.worst = new Uint8Array(n); /* of a call: the severity of its worst alert */
	for (let i = 0; i < n; i++)
		if (D.type[i] === T.CALL && D.callp[i] > 1) callRows.set(callKey(D.callp[i], D.calln[i]), i);
	for (let i = 0; i < n; i++)
		if (D.type[i] === T.REQUEST && D.callp[i] > 1) {
			const key = callKey(D.callp[i], D.calln[i]);
			if (callRows.has(key)) D.type[i] = T.OTHER;
			else {
				callRows.set(key, i);
				D.status[i] = OPEN;
			}
		}
	for (let i = n - 1; i >= 0; i--) {
		if (D.callp[i] <= 1 || isCall(i)) continue;
		const c = callRows.get(callKey(D.callp[i], D.calln[i]));
		if (c !== undefined) adopt(i, c);
	}
	const ids = callIds();
	for (let i = 0; i < n; i++)
		if (D.type[i] === T.ALERT)
			for (const id of list(get(D.text[i], "c"))) {
				const c = ids(id);
				if (c === undefined) continue;
				D.worst[c] = Math.max(D.worst[c], D.status[i]);
				if (D.call[i] < 0) adopt(i, c);
			}
}

function adopt(i, c) {
	D.call[i] = c;
	D.next[i] = D.first[c];
	D.first[c] = i;
}

function isCall(i) {
	return D.type[i] === T.CALL || D.type[i] === T.REQUEST;
}

/* From an id to its call's row. */
function callIds() {
	const prefixes = new Map();
	for (let i = 2; i < D.dict.length; i++) if (typeof D.dict[i] === "string" && !prefixes.has(D.dict[i])) prefixes.set(D.dict[i], []);
	for (let i = 2; i < D.dict.length; i++) if (typeof D.dict[i] === "string") prefixes.get(D.dict[i]).push(i);
	return (id) => {
		if (typeof id !== "string") return undefined;
		const m = /^([^]*)-(0|[1-9]\d{0,8})$/.exec(id);
		for (const [head, number] of m ? [[m[1], +m[2]], [id, 4294967295]] : [[id, 4294967295]])
			for (const p of prefixes.get(head) || []) {
				const c = callRows.get(callKey(p, number));
				if (c !== undefined) return c;
			}
		return undefined;
	};
}

function callId(i) {
	const head = D.callp[i] > 1 ? str(D.dict[D.callp[i]]) : "";
	return head && D.calln[i] !== 4294967295 ? head + "-" + D.calln[i] : head;
}

function name(column, i) {
	const v = D.dict[D[column][i]];
	return typeof v === "string" ? v : v === null || v === undefined ? "" : JSON.stringify(v);
}

function hostOf(i) {
	return str(get(list(ABOUT.inputs)[D.input[i]], "host"));
}

/* All that a row says it acts on. */
function targets(i) {
	const x = D.text[i];
	if (typeof x === "string") return [x];
	if (D.type[i] === T.ALERT) return list(get(x, "t")).filter((s) => typeof s === "string");
	return [get(x, "t"), ...list(get(x, "o"))].filter((s) => typeof s === "string" && s !== "");
}

function title(i) {
	switch (D.type[i]) {
	case T.CALL:
	case T.REQUEST:
		return name("name", i) || name("aux", i) || "call";
	case T.EFFECT: {
		const t = targets(i);
		return (name("name", i) || "effect") + (t.length ? " " + t[0] : "");
	}
	case T.ALERT:
		return str(get(D.text[i], "m")) || name("name", i) || "alert";
	case T.GAP:
		return "gap: " + (name("name", i) || "evidence is missing");
	default:
		return TYPES[D.type[i]] + (name("name", i) ? ": " + name("name", i) : "");
	}
}

/* --- records --- */

const chunks = new Map(); /* the newest few, whole */
const CHUNKS = 8;

async function chunkText(n, keep) {
	let p = chunks.get(n);
	if (!p) {
		const node = recordBlocks[n];
		p = node ? inflate(node.textContent) : Promise.reject(new Error("missing"));
		if (!keep) return p;
	}
	chunks.delete(n);
	chunks.set(n, p);
	for (const k of chunks.keys()) {
		if (chunks.size <= CHUNKS) break;
		chunks.delete(k);
	}
	return p;
}

/* The exact line of a row's record. */
async function recordLine(i) {
	const raw = await chunkText(D.chunk[i], true), end = raw.indexOf(10, D.off[i]);
	if (D.off[i] >= raw.length) throw new Error("missing");
	return new TextDecoder().decode(raw.subarray(D.off[i], end < 0 ? raw.length : end));
}

let seqRows;

function rowOfSeq(input, seq) {
	if (!seqRows) {
		seqRows = new Map();
		for (let i = 0; i < D.n; i++) seqRows.set(D.seq[i] * 256 + D.input[i], i);
	}
	return seqRows.get(Number(seq) * 256 + input);
}
