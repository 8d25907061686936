/* SPDX-License-Identifier: Apache-2.0 */
/* text.js - texts of the observed world made safe to look at; times; small things of the page */

/* What could reorder, hide or join text, and what no font shows: control, format, private and
 * unassigned characters, lone surrogates, separators, fillers, variation selectors. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]|(?<=\p{M}{3})\p{M}/gu;

function escapeOne(c) {
	const n = c.codePointAt(0);
	if (n === 10) return "\\n";
	if (n === 13) return "\\r";
	if (n === 9) return "\\t";
	return n < 256 ? "\\x" + n.toString(16).padStart(2, "0") : "\\u{" + n.toString(16) + "}";
}

/* Cut to `max` characters, what is hidden made visible. */
function plain(s, max) {
	s = String(s);
	const n = max || 200;
	const cut = s.length > n ? s.slice(0, n) : s;
	return cut.replace(HIDDEN, escapeOne) + (s.length > n ? " … (" + count(s.length) + " characters)" : "");
}

/* The same for a line on a canvas, short. */
function label(s, max) {
	s = String(s);
	return (s.length > max ? s.slice(0, max - 1) + "…" : s).replace(HIDDEN, escapeOne);
}

/* An element: children are nodes, or texts, which stay texts. */
function el(tag, attrs, ...children) {
	const e = document.createElement(tag);
	for (const k in attrs || {}) {
		const v = attrs[k];
		if (v === undefined || v === null || v === false) continue;
		if (k === "onclick") e.addEventListener("click", v);
		else if (k === "class") e.className = v;
		else e.setAttribute(k, v === true ? "" : String(v));
	}
	for (const c of children.flat(Infinity)) {
		if (c === null || c === undefined || c === false) continue;
		e.append(typeof c === "object" ? c : String(c));
	}
	return e;
}

/* A text of the observed world as an element: in its own direction, escapes told from the text itself. */
function world(s, max, cls) {
	const e = el("bdi", { class: "w" + (cls ? " " + cls : "") });
	s = String(s);
	const limit = max || 2000, text = s.slice(0, limit);
	let at = 0;
	for (const m of text.matchAll(HIDDEN)) {
		if (m.index > at) e.append(text.slice(at, m.index));
		e.append(el("span", { class: "esc" }, escapeOne(m[0])));
		at = m.index + m[0].length;
	}
	e.append(text.slice(at));
	if (s.length > limit) e.append(el("span", { class: "cut" }, " … " + count(s.length) + " characters"));
	return e;
}

function count(n) {
	return Number(n).toLocaleString("en-US");
}

function plural(n, word) {
	return count(n) + " " + word + (Number(n) === 1 ? "" : "s");
}

function bytes(n) {
	n = Number(n);
	for (const u of ["B", "KiB", "MiB", "GiB"]) {
		if (n < 1024 || u === "GiB") return (u === "B" ? n : n.toFixed(1)) + " " + u;
		n /= 1024;
	}
	return "";
}

/* --- JSON --- */

/* A number that the page would change stays as it was written. */
class Exact {
	constructor(source) {
		this.source = source;
	}
}

function keepNumbers(key, value, context) {
	if (typeof value === "number" && context && context.source !== undefined &&
	    (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER || (value === 0 && /[1-9]/.test(context.source.replace(/e.*/i, "")))))
		return new Exact(context.source);
	return value;
}

function parse(text) {
	try {
		return JSON.parse(text, keepNumbers);
	} catch (e) {
		return undefined;
	}
}

/* Of what may have any shape. */
function get(o, ...path) {
	for (const k of path) {
		if (o === null || typeof o !== "object" || !Object.hasOwn(o, k)) return undefined;
		o = o[k];
	}
	return o;
}

function str(v) {
	return typeof v === "string" ? v : "";
}

function list(v) {
	return Array.isArray(v) ? v : [];
}

/* --- times: ns behind the log's base, shown in UTC --- */

const ABOUT = parse(document.getElementById("about").textContent) || {};
const BASE = BigInt(/^-?\d+$/.test(ABOUT.base) ? ABOUT.base : 0);
const SEC = 1e9, MIN = 60e9, HOUR = 3600e9, DAY = 86400e9;

function absolute(t) {
	return BASE + BigInt(Math.round(Number.isFinite(t) ? t : 0));
}

/* "10:30:15.123" with so many digits behind the second, or with the day before it. */
function clock(ns, digits, day) {
	const ms = ns >= 0n ? ns / 1000000n : 0n, d = new Date(Number(ms));
	if (Number.isNaN(d.getTime())) return "?";
	const iso = d.toISOString(), frac = String(((ns % 1000000000n) + 1000000000n) % 1000000000n).padStart(9, "0");
	return (day ? iso.slice(0, 10) + " " : "") + iso.slice(11, 19) + (digits ? "." + frac.slice(0, digits) : "");
}

function when(t, digits) {
	return clock(absolute(t), digits === undefined ? 3 : digits, true);
}

function took(ns) {
	if (!(ns > 0)) return "0";
	if (ns < 1e3) return ns.toFixed(0) + " ns";
	if (ns < 1e6) return (ns / 1e3).toPrecision(3) + " µs";
	if (ns < 1e9) return (ns / 1e6).toPrecision(3) + " ms";
	if (ns < 120e9) return (ns / 1e9).toPrecision(3) + " s";
	if (ns < 2 * HOUR) return (ns / MIN).toFixed(1) + " min";
	if (ns < 2 * DAY) return (ns / HOUR).toFixed(1) + " h";
	return (ns / DAY).toFixed(1) + " days";
}

/* Seconds, or months, by name: an s behind it, but for one letter. As io/when.c. */
const UNITS = { s: 1, sec: 1, second: 1, m: 60, min: 60, minute: 60, h: 3600, hr: 3600, hour: 3600, d: 86400, day: 86400, w: 604800, week: 604800 };
const MONTHS = { month: 1, y: 12, year: 12 };
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/* So many of a unit before ns; undefined: there is no such unit, or no such time. */
function back(ns, n, name) {
	const unit = (of) => (Object.hasOwn(of, name) ? of[name] : name.length > 2 && name.endsWith("s") && Object.hasOwn(of, name.slice(0, -1)) ? of[name.slice(0, -1)] : 0);
	const seconds = unit(UNITS), months = unit(MONTHS);
	if (seconds) return ns - BigInt(n) * BigInt(seconds) * 1000000000n;
	if (!months || n > 300) return undefined;
	const d = new Date(Number(ns / 1000000n));
	d.setUTCMonth(d.getUTCMonth() - n * months);
	return BigInt(d.getTime()) * 1000000n + (ns % 1000000n);
}

/* "2 hours", "1h30m", "a week and 2 days" before ns. */
function spanBefore(ns, s) {
	const re = /\s*(?:\band\s+)?(?:(\d{1,9})|\ban?\b)\s*([a-z]+)/y;
	let at = 0;
	for (let m; ns !== undefined && at < s.length && (re.lastIndex = at, m = re.exec(s)); at = re.lastIndex) ns = at === 0 && /^\s*and\b/.test(s) ? undefined : back(ns, m[1] === undefined ? 1 : Number(m[1]), m[2]);
	return at > 0 && at === s.length ? ns : undefined;
}

/* The day that a text begins with, as [its midnight, the rest]; undefined: none. */
function dayOf(s, today) {
	const dayNs = 86400000000000n;
	let m = /^(\d{4}-\d\d-\d\d)(?:[t ]\s*(.*))?$/.exec(s);
	if (m) {
		const ms = Date.parse(m[1] + "T00:00:00Z");
		return Number.isNaN(ms) ? undefined : [BigInt(ms) * 1000000n, m[2] || ""];
	}
	m = /^(last\s+)?([a-z]+)(?:\s+(.*))?$/.exec(s);
	if (!m) return undefined;
	const near = { yesterday: -1n, today: 0n, tomorrow: 1n };
	if (!m[1] && Object.hasOwn(near, m[2])) return [today + near[m[2]] * dayNs, m[3] || ""];
	const day = WEEKDAYS.findIndex((d) => d === m[2] || d.slice(0, 3) === m[2]);
	if (day < 0) return undefined;
	const ago = (new Date(Number(today / 1000000n)).getUTCDay() - day + 7) % 7;
	return [today - BigInt(m[1] && ago === 0 ? 7 : ago) * dayNs, m[3] || ""];
}

/* Nanoseconds since midnight, or undefined. */
function timeOfDay(s) {
	if (s === "noon") return 43200000000000n;
	if (s === "midnight") return 0n;
	const m = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?$/.exec(s);
	if (!m || +m[1] > 23 || +m[2] > 59 || +(m[3] || 0) > 60) return undefined;
	return BigInt(+m[1] * 3600 + +m[2] * 60 + +(m[3] || 0)) * 1000000000n + BigInt((m[4] || "0").padEnd(9, "0"));
}

/* What people type, as `mcpwatch log` takes it (io/when.h), but counted from the end of the log and in UTC; ns behind the base, or
 * undefined. */
function parseTime(text, end) {
	const s = text.trim().toLowerCase(), now = absolute(end), today = now - (now % 86400000000000n);
	const rel = (ns) => (ns === undefined ? undefined : Number(ns - BASE));
	let m;
	if (s === "now") return end;
	if ((m = /^@(\d{1,12})(?:\.(\d{1,9}))?$/.exec(s)))
		return rel(BigInt(m[1]) * 1000000000n + BigInt((m[2] || "0").padEnd(9, "0")));
	if ((m = /^-(\d.*)$/.exec(s) || /^(.*\S)\s+ago$/.exec(s))) return rel(spanBefore(now, m[1]));
	if ((m = /^last\s+([a-z]{3,})$/.exec(s))) {
		const t = back(now, 1, m[1]);
		if (t !== undefined) return rel(t);
	}
	m = /^(\d{4}-\d\d-\d\d)[t ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?\s*(z|[+-]\d\d:\d\d)$/.exec(s);
	if (m) {
		const ms = Date.parse(m[1] + "T" + m[2] + m[4].toUpperCase());
		return Number.isNaN(ms) ? undefined : rel(BigInt(ms) * 1000000n + BigInt((m[3] || "0").padEnd(9, "0")));
	}
	const day = dayOf(s, today), rest = day ? day[1] : s;
	if (day && rest === "") return rel(day[0]);
	const time = timeOfDay(day ? rest.replace(/^at\s+/, "") : rest);
	return time === undefined ? undefined : rel((day ? day[0] : today) + time);
}

/* --- patterns, as the command line's (src/cli/pattern.h) --- */

const literal = (c) => c.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/* A glob as an expression; `path`: * and ? stop at slashes, ** does not. */
function globSource(pattern, path) {
	let out = "", i = 0;
	while (i < pattern.length) {
		const c = pattern[i++];
		if (c === "*") {
			const from = i - 1;
			while (pattern[i] === "*") i++;
			if (!path) out += "[^]*";
			else if (i - from === 1) out += "[^/]*";
			else if (pattern[i] === "/" && (from === 0 || pattern[from - 1] === "/")) {
				out += "(?:[^]*\\/)?";
				i++;
			} else out += "[^]*";
		} else if (c === "?") out += path ? "[^/]" : "[^]";
		else if (c === "\\" && i < pattern.length) out += literal(pattern[i++]);
		else if (c === "[" && pattern.indexOf("]", i + 1) > 0) {
			const end = pattern.indexOf("]", i + 1), no = pattern[i] === "!" || pattern[i] === "^";
			out += (path ? "(?!\\/)" : "") + "[" + (no ? "^" : "") + pattern.slice(no ? i + 1 : i, end).replace(/[\\\]^[]/g, "\\$&") + "]";
			i = end + 1;
		} else out += literal(c);
	}
	return out;
}

function expression(source, otherwise) {
	try {
		const re = new RegExp("^(?:" + source + ")$", "u");
		return (s) => s === otherwise || re.test(s);
	} catch (e) {
		return (s) => s === otherwise;
	}
}

function nameTest(pattern) {
	return expression(globSource(pattern, false), pattern);
}

/* An address as a number of 128 bits; undefined: it is none. */
function address(s) {
	let m = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(s);
	if (m) return m.slice(1).some((b) => +b > 255) ? undefined : (0xffffn << 32n) + m.slice(1).reduce((v, b) => v * 256n + BigInt(b), 0n);
	if (!/^[0-9a-f:]{2,39}$/i.test(s) || !s.includes(":")) return undefined;
	const halves = s.split("::"), words = halves.map((h) => (h ? h.split(":") : []));
	const n = words.flat().length;
	if (halves.length > 2 || words.flat().some((w) => !/^[0-9a-f]{1,4}$/i.test(w)) || (halves.length === 1 ? n !== 8 : n > 7)) return undefined;
	return [...words[0], ...Array(8 - n).fill("0"), ...(words[1] || [])].reduce((v, w) => v * 65536n + BigInt("0x" + w), 0n);
}

/* "192.0.2.7:443", "[::1]:443", "::1" */
function endpoint(s) {
	const m = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(s) || /^([^:]*):(\d{1,5})$/.exec(s);
	const addr = address(m ? m[1] : s);
	return addr === undefined && !(m && m[1] === "") ? undefined : { addr, port: m ? m[2] : undefined };
}

function networkTest(pattern) {
	const m = /^(.*)\/(\d{1,3})$/.exec(pattern), want = m ? { addr: address(m[1]) } : endpoint(pattern);
	if (!want || (m && want.addr === undefined)) return undefined;
	const v4 = !!m && !m[1].includes(":"), bits = m ? Number(m[2]) + (v4 ? 96 : 0) : 128;
	if (bits > 128) return undefined;
	const shift = BigInt(128 - bits);
	return (s) => {
		const e = endpoint(s);
		return !!e && (want.port === undefined || e.port === want.port) && (want.addr === undefined || (e.addr !== undefined && e.addr >> shift === want.addr >> shift));
	};
}

function targetTest(pattern) {
	const net = networkTest(pattern);
	if (net) return net;
	if (!pattern.includes("/")) {
		const last = expression(globSource(pattern, true), pattern);
		return (s) => s === pattern || last(s.startsWith("/") ? s.slice(s.lastIndexOf("/") + 1) : s);
	}
	const folder = pattern.length > 1 && pattern.endsWith("/"), head = pattern.startsWith("/") ? "" : "(?:[^]*\\/)?";
	return expression(head + globSource(folder ? pattern.slice(0, -1) : pattern, true) + (folder ? "(?:\\/[^]*)?" : ""), pattern);
}

/* Of several: whether a row with such values passes. */
function patternsTest(all, make) {
	const no = [], yes = [];
	for (const p of all) (p.startsWith("!") ? no : yes).push(make(p.startsWith("!") ? p.slice(1) : p));
	return (values) => !values.some((v) => no.some((t) => t(v))) && (yes.length === 0 || values.some((v) => yes.some((t) => t(v))));
}
