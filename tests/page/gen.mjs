// SPDX-License-Identifier: Apache-2.0
// gen.mjs CALLS [hostile] - a file of records as several servers at work leave them, on stdout; the same for
// the same arguments. hostile: names that try to be something else than text.

import { writeSync } from "node:fs";

const wanted = Number(process.argv[2] || 1000), hostile = process.argv[3] === "hostile";

let state = 20260131;
function rnd() {
	state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
	return state / 4294967296;
}
const pick = (all) => all[Math.floor(rnd() * all.length)];

let seq = 0, out = [], size = 0;
let now = 1769853600000000000n; // 2026-01-31T10:00:00Z

function iso(ns) {
	return new Date(Number(ns / 1000000n)).toISOString().slice(0, 19) + "." + String(ns % 1000000000n).padStart(9, "0") + "Z";
}

function flush() {
	const b = Buffer.from(out.join(""));
	for (let at = 0; at < b.length;) at += writeSync(1, b, at);
	out = [];
	size = 0;
}

function put(ns, type, fields) {
	const line = JSON.stringify({ v: 1, seq, time: iso(ns), boot_ns: Number(ns - 1769800000000000000n), host: "build-7.example", type, ...fields }).replaceAll('"@big@"', "12345678901234567") + "\n";
	out.push(line);
	size += line.length;
	if (size > 4e6) flush();
	return seq++;
}

const BAD = ["<script>window.bad=1</script>", "<img src=x onerror=\"window.bad=1\">", "</script><script>window.bad=1</script>", "<!--<script>", "javascript:window.bad=1", "\" onmouseover=\"window.bad=1", "'};window.bad=1;//",
	"a\u2028b\u2029c", "invoice\u202egpj.exe", "\u2066hidden\u2069 \u200btext", "\u0007bell\u001b[31mred\u0000nul", "__proto__", "constructor", "z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a\u030b\u030c", "\u05d0\u05d1\u05d2/etc",
	"x".repeat(2500), "\ud83d\ude00 emoji", "\ud800 lone", "]]>--></style>", "@data@ @script@", "https://example.com/?a=b#c", "\u0000", ""];

const people = [
	{ uid: 1000, gid: 1000, user: "alice", loginuid: 1000, audit_session: 3 },
	{ uid: 1001, gid: 1001, user: "bob", loginuid: 1001, audit_session: 7 },
	{ uid: 998, gid: 998, user: "ci", cgroup: "/system.slice/runner.service", unit: "runner.service", tokens: [{ kind: "jwt", where: "header", sub: "svc-deploy", iss: "https://login.example", fingerprint: "9c1f", verified: false }] },
];
const bad = (i, s) => (hostile ? BAD[i % BAD.length] + (i < BAD.length ? "" : " " + s) : s);
const kinds = [
	{ name: "files", exe: "/usr/bin/python3.11", script: "/srv/mcp/files.py", tools: [["read_file", "read"], ["write_file", "write"], ["list_dir", "read"], ["delete_file", "delete"]] },
	{ name: "billing", exe: "/usr/bin/node", script: "/srv/mcp/billing/index.js", tools: [["get_invoice", "db"], ["refund", "db"], ["export_report", "write"]] },
	{ name: "web-search", exe: "/usr/local/bin/websearch", script: "", tools: [["search", "net"], ["fetch_url", "net"]] },
	{ name: "shell", exe: "/usr/bin/node", script: "/srv/mcp/shell.mjs", tools: [["run_command", "exec"]] },
];

const servers = kinds.map((k, i) => ({
	...k, i, id: "sa1b2c3d4-" + (i + 1), pid: 4000 + i, n: bad(i * 5, k.name), busy: 0n, next: 0n,
	ref: { id: "sa1b2c3d4-" + (i + 1), key: bad(i + 3, k.exe + " " + k.script + " uid=1000"), name: bad(i * 5, k.name), pid: 4000 + i },
	sessions: (i === 3 ? [1] : [1, 2]).map((s) => ({ id: "xa1b2c3d4-" + (i * 2 + s), who: people[(i + s) % 3], client: { name: bad(i + 7, s === 1 ? "desktop-agent" : "ci-agent"), pid: 3000 + s, exe: "/opt/agent/bin/agent" } })),
}));

put(now, "daemon", { event: "start", version: "0.1.0", boot_id: "6f1c-demo", kernel: "6.12.0" });
for (const s of servers) {
	now += 40000000n;
	put(now, "effect", { kind: "proc.exec", target: s.exe, target_from: "kernel", result: "ok", pid: s.pid, tid: s.pid, exe: s.exe, argv: [s.exe, s.script], server: s.ref, link: "none", confidence: "none", basis: "kernel", why: "no call was open on this server" });
	put(now, "effect", { kind: "file.open", target_from: "kernel", n: 214, summary: "start-up", result: "ok", pid: s.pid, tid: s.pid, exe: s.exe, server: s.ref, link: "none", confidence: "none", basis: "kernel", why: "no call was open on this server" });
	put(now, "server", { event: "seen", server: { ...s.ref, version: "1." + s.i + ".0", start_ns: 1, exe: s.exe, argv: [s.exe, s.script], cwd: "/srv/mcp", uid: 1000 }, client: { ...s.sessions[0].client, version: "2.1" }, principal: s.sessions[0].who, transport: s.i === 2 ? "http" : "stdio", protocol: "2025-11-25", tier: { io: "clear" } });
	for (const [i, [tool]] of s.tools.entries()) put(now, "tool", { server: s.ref, tool: bad(i + s.i * 4, tool), definition: { name: tool, description: "does " + tool }, hash: String(s.i).repeat(64), pinned: true });
}

const hosts = ["203.0.113.7:443", "198.51.100.20:443", "10.2.0.15:5432", "127.0.0.1:8080"];
const LINKS = [["causal", "certain", "runtime", "the task that did it wrote this call's answer"], ["argument", "likely", "kernel", "named in the arguments of this open call only"], ["sole", "likely", "kernel", "it was the only call open on the server"], ["lineage", "likely", "kernel", "done by a process that was started while only this call was open, or by one below it"], ["flow", "certain", "runtime", "on the file that a linked effect opened"]];

function acts(what, n) {
	const f = "/home/alice/projects/report-" + (n % 977) + ".md";
	switch (what) {
	case "read": return [{ kind: "file.open", target: f, mode: "r" }, { kind: "file.close", target: f, bytes_r: 4096 }];
	case "write": return [{ kind: "file.open", target: f, mode: "w+create" }, { kind: "file.rename", target: f + ".tmp", target2: f }, { kind: "file.close", target: f, bytes_w: 880 }];
	case "delete": return [{ kind: "file.delete", target: f }];
	case "db": return [{ kind: "db.statement", target: hosts[2], verb: "SELECT", object: "invoices" }, { kind: "file.open", target: "/var/lib/billing/billing.db", mode: "rw" }];
	case "net": return [{ kind: "net.dns", target: "127.0.0.53:53", name: "api.example.com" }, { kind: "net.connect", target: hosts[n % 2], name: "api.example.com" }, { kind: "net.http", target: hosts[n % 2], verb: "GET", object: "https://api.example.com/v1/items?page=" + (n % 50) }];
	default: return [{ kind: "proc.exec", target: "/usr/bin/git" }, { kind: "file.open", target: "/home/alice/projects/.git/index", mode: "r" }, { kind: "proc.exit", target: "/usr/bin/git", code: 0 }];
	}
}

const pending = []; // [time, write] in order of time
function later(ns, write) {
	let k = pending.length;
	while (k > 0 && pending[k - 1][0] > ns) k--;
	pending.splice(k, 0, [ns, write]);
}
function drain(ns) {
	while (pending.length && pending[0][0] <= ns) {
		const [t, write] = pending.shift();
		write(t);
	}
}

for (let n = 1; n <= wanted; n++) {
	now += BigInt(Math.floor(-Math.log(1 - rnd()) * (n % 211 < 12 ? 4e6 : 60e6)));
	drain(now);
	const s = servers[Math.floor(rnd() * rnd() * servers.length)], ses = pick(s.sessions), [tool, what] = pick(s.tools);
	const id = "ca1b2c3d4-" + n, begin = now, took = BigInt(Math.floor(3e5 + rnd() ** 6 * 2.4e9)), end = begin + took;
	const r = rnd(), status = r < 0.93 ? "ok" : r < 0.965 ? "tool_error" : r < 0.98 ? "rpc_error" : r < 0.99 ? "cancelled" : r < 0.996 ? "no_response" : "lost";
	const base = { server: s.ref, client: ses.client, session: ses.id, transport: s.i === 2 ? "http" : "stdio", rpc_id: String(n) };
	const args = { path: "/home/alice/projects/report-" + (n % 977) + ".md", note: bad(n, "page " + (n % 17)), [bad(n + 2, "limit")]: n % 3 ? 20 : "@big@" };
	put(begin, "request", { call: id, dir: "c2s", ...base, method: "tools/call", tool: bad(n, tool), args, begin: iso(begin), principal: ses.who });
	if (n === wanted - 2) continue; // still open
	const tie = LINKS[n % LINKS.length], seqs = [], did = acts(what, n), rules = [];
	const shared = n % 97 === 0 && n > 1;
	did.forEach((a, k) => later(begin + (took * BigInt(k + 1)) / BigInt(did.length + 1), (t) => {
		const target = bad(n + k, a.target);
		const own = shared ? { link: "shared", confidence: "shared", basis: "kernel", candidates: [id, "ca1b2c3d4-" + (n - 1)], why: "several calls were open and nothing decides" } : { call: id, link: tie[0], confidence: tie[1], basis: tie[2], why: tie[3] };
		const fail = n % 31 === 0 && k === 0;
		const q = put(t, "effect", { ...a, target, target_from: "kernel", result: fail ? "EACCES" : "ok", pid: s.pid, tid: s.pid + (n % 4), exe: s.exe, server: s.ref, ...own });
		if (!shared) seqs.push({ kind: a.kind, target, target2: a.target2, seqs: [q], n: 1, link: tie[0], confidence: tie[1], basis: tie[2], why: tie[3], result: fail ? "EACCES" : "ok" });
	}));
	if (n % 251 === 0 || n === Math.floor(wanted / 2)) {
		const [rule, severity, title] = pick([["secret.read", "high", "A tool read a private key"], ["exec.unusual", "medium", "A tool ran a program that it never ran before"], ["net.exfiltration", "critical", "A tool sent what it read to an address outside"], ["tool.undeclared_write", "low", "A tool that says it only reads has written"]]);
		rules.push(rule);
		later(end - 1n, (t) => put(t, "alert", { rule, severity, title: bad(n, title), calls: [id], effects: seqs.flatMap((e) => e.seqs), server: s.ref, tool: bad(n, tool), principal: ses.who, session: ses.id, rpc_id: String(n), targets: did.map((a) => bad(n, a.target)), outcome: "ok", detail: bad(n + 1, "seen for the first time in this session"), tags: ["T1552"] }));
	}
	const error = status === "rpc_error" ? { error: { code: -32603, message: bad(n, "internal error") } } : {};
	later(end, (t) => put(t, "call", { call: id, dir: "c2s", server: s.ref, client: ses.client, principal: ses.who, session: ses.id, transport: base.transport, rpc_id: base.rpc_id, method: "tools/call", tool: bad(n, tool), args, args_bytes: 90, status, ...error,
		result: { content: [{ type: "text", text: bad(n, "done: " + (n * 7919) % 65521) }], isError: status === "tool_error" }, result_bytes: 80, begin: iso(begin), end: iso(end), elapsed_ms: Number(took) / 1e6, effects: seqs, effects_n: seqs.length, power: { declared: ["undeclared"], observed: ["write_low"] }, ...(rules.length ? { alerts: rules } : {}), evidence: n % 500 === 0 ? "incomplete" : "complete" }));
	if (n % 13 === 0) later(now + 1000000n, (t) => put(t, "effect", { kind: n % 2 ? "net.connect" : "file.open", target: n % 2 ? hosts[n % 4] : "/var/log/" + s.name + ".log", mode: n % 2 ? undefined : "a", target_from: "kernel", result: "ok", pid: s.pid, tid: s.pid, exe: s.exe, server: s.ref, link: "none", confidence: "none", basis: "kernel", why: "no call was open on this server" }));
	if (n % Math.ceil(wanted / 3.4) === 0) later(now + 5000n, (t) => put(t, "gap", { reason: "events_lost", where: bad(n, "ring"), events: 117, from: iso(t), to: iso(t + BigInt(wanted) * 500000n), ...(n % 2 ? { server: s.ref } : {}), calls: [id] }));
	if (n % 907 === 0) later(now + 9000n, (t) => put(t, "anomaly", { what: "copies_differ", where: "answer", bytes_n: 40, bytes_hash: "0".repeat(64), server: s.ref, call: id }));
}
drain(now + 3000000000n);
if (hostile) put(now, "effect", { kind: "file.open", target: "/" + "y".repeat(60000), mode: "r", result: "ok", pid: 4000, server: { id: servers[0].id }, link: "none", confidence: "none", why: BAD[0] });
put(now + 3000000000n, "daemon", { event: "stop", version: "0.1.0" });
flush();
