// SPDX-License-Identifier: Apache-2.0
// cases.mjs - what the page must do, one function a case

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const SMALL = 1500;
const counts = "document.getElementById('count').textContent";
const detail = "(document.getElementById('detail').hidden ? '' : document.getElementById('detail').innerText)";

// Nothing of what a page does may leave it, go wrong, or be stopped by its policy.
function quiet(p, html) {
	assert.deepEqual(p.faults, [], "faults in the console");
	assert.deepEqual(p.requests.map((u) => u.split("#")[0]).filter((u) => u !== "file://" + html && u !== "about:blank"), [], "requests");
	assert.equal(p.dialogs, 0, "dialogs");
}

async function filter(p, text) {
	await p.eval("{ const f = document.getElementById('filter'); f.value = " + JSON.stringify(text) + "; f.dispatchEvent(new Event('input')); document.getElementById('count').textContent = ''; }");
	await p.until("!/^$|Search/.test(" + counts + ")");
	const said = await p.eval(counts), number = (word) => Number((new RegExp("([\\d,]+) " + word).exec(said)?.[1] || "0").replaceAll(",", ""));
	return { said, calls: number("calls?\\b"), open: number("open"), effects: number("effects?"), alerts: number("alerts?") };
}

// The address follows a little later, by a timer of the page: one that is set now for later comes behind it.
async function address(p) {
	await p.eval("new Promise((done) => setTimeout(done, 300))");
	return await p.eval("location.hash");
}

async function selected(p) {
	return /\b(call|r)=/.test(await address(p));
}

async function window(p) {
	const m = /w=(-?\d+)-(-?\d+)/.exec(await address(p));
	return m ? [BigInt(m[1]), BigInt(m[2])] : null;
}

const width = (w) => Number(w[1] - w[0]);

async function small(kit, options) {
	const made = kit.page(SMALL), p = await kit.chrome.page(options);
	await p.open(made.html);
	return { p, made, end: async () => {
		quiet(p, made.html);
		await p.close();
	} };
}

async function opens(kit, calls, limit) {
	const made = kit.page(calls), p = await kit.chrome.page();
	const ms = await p.open(made.html);
	assert.match(await p.eval(counts), new RegExp("^" + (calls - 1).toLocaleString("en-US") + " calls · 1 open · [\\d,]+ effects · \\d+ alerts$"));
	assert.ok(ms < limit, "opened within " + limit + " ms: " + ms);
	await kit.shot(p, "open-" + calls);
	const begin = performance.now();
	for (let k = 0; k < 10; k++) await p.key("+");
	await p.eval("new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(d)))");
	const steps = (performance.now() - begin) / 10;
	quiet(p, made.html);
	await p.close();
	return (ms / 1000).toFixed(2) + " s to open, " + steps.toFixed(0) + " ms a zoom";
}

export const cases = {
	"opens-10000": (kit) => opens(kit, 10000, 60000),
	"opens-100000": (kit) => opens(kit, 100000, 180000),

	async filter(kit) {
		const { p, end } = await small(kit), all = kit.records(SMALL);
		const calls = all.filter((r) => r.type === "call"), effects = all.filter((r) => r.type === "effect"), alerts = all.filter((r) => r.type === "alert");
		const byId = new Map(calls.map((c) => [c.call, c])), open = all.filter((r) => r.type === "request" && !byId.has(r.call));
		assert.equal(open.length, 1);
		let f = await filter(p, "tool:delete_*");
		assert.equal(f.calls, calls.filter((c) => c.tool.startsWith("delete_")).length);
		assert.equal(f.effects, effects.filter((e) => byId.get(e.call)?.tool.startsWith("delete_")).length);
		f = await filter(p, "kind:file.delete");
		assert.equal(f.effects, effects.filter((e) => e.kind === "file.delete").length);
		assert.equal(f.calls, new Set(effects.filter((e) => e.kind === "file.delete" && byId.has(e.call)).map((e) => e.call)).size);
		f = await filter(p, "--kind 'net.*' principal:alice");
		assert.equal(f.effects, effects.filter((e) => e.kind.startsWith("net.") && byId.get(e.call)?.principal.user === "alice").length);
		assert.ok(f.effects > 0);
		f = await filter(p, "target:198.51.100.0/24 type:effect");
		assert.equal(f.effects, effects.filter((e) => String(e.target).startsWith("198.51.100.")).length);
		assert.equal(f.calls, 0);
		f = await filter(p, "target:/home/alice/** target:*.db kind:!file.close type:effect");
		assert.equal(f.effects, effects.filter((e) => e.kind !== "file.close" && /^\/home\/alice\/|\.db$/.test(e.target || "")).length);
		f = await filter(p, "target:/home/alice/* type:effect");
		assert.equal(f.effects, 0, "* stops at a slash");
		f = await filter(p, "target:alice/projects/ target::5432 type:effect");
		assert.equal(f.effects, effects.filter((e) => /\/alice\/projects\/|:5432$/.test(e.target || "")).length);
		f = await filter(p, "severity:high type:alert");
		assert.equal(f.alerts, alerts.filter((a) => a.severity === "high" || a.severity === "critical").length);
		f = await filter(p, "principal:!alice server:!billing type:call");
		assert.equal(f.calls, calls.filter((c) => c.principal.user !== "alice" && c.server.name !== "billing").length);
		f = await filter(p, "type:alert");
		assert.equal(f.alerts, alerts.length);
		f = await filter(p, "alert:" + alerts[0].rule);
		assert.equal(f.alerts, alerts.filter((a) => a.rule === alerts[0].rule).length);
		assert.equal(f.calls, calls.filter((c) => (c.alerts || []).includes(alerts[0].rule)).length);
		f = await filter(p, "status:rpc_error status:lost type:call");
		assert.equal(f.calls, calls.filter((c) => c.status === "rpc_error" || c.status === "lost").length);
		f = await filter(p, "since:10:00:20 until:'2026-01-31 10:00:40' type:call");
		const at = (s) => Date.parse("2026-01-31T10:00:" + s + "Z");
		assert.equal(f.calls, calls.filter((c) => Date.parse(c.end) >= at(20) && Date.parse(c.begin) < at(40)).length);
		const needle = "report-150.md";
		f = await filter(p, needle + " type:call");
		assert.equal(f.calls, calls.filter((c) => JSON.stringify(c).includes(needle)).length);
		assert.ok(f.calls > 0 && f.calls < 10);
		f = await filter(p, "DONE: type:call");
		assert.equal(f.calls, calls.length, "text in capitals or not");
		const pid = String(effects.find((e) => e.pid).pid);
		f = await filter(p, "pid:" + pid + " type:effect");
		assert.equal(f.effects, effects.filter((e) => String(e.pid) === pid || String(e.tid) === pid).length);
		f = await filter(p, "pid:!" + pid + " type:effect");
		assert.equal(f.effects, effects.filter((e) => String(e.pid) !== pid && String(e.tid) !== pid).length);
		f = await filter(p, "pid:x");
		assert.match(f.said, /no process id/);
		f = await filter(p, "since:soonish");
		assert.match(f.said, /soonish.*no time/);
		f = await filter(p, "tool:nothing");
		assert.match(f.said, /^0 calls · 0 effects$/);
		await p.key("Escape");
		await p.until(counts + ".startsWith('" + (SMALL - 1).toLocaleString("en-US") + " calls')");
		await end();
	},

	/* The words for times are those of the command line (tests/unit/test_logread.c), counted from the log's end, a Saturday. */
	async times() {
		const day = 86400000, midnight = Date.parse("2026-01-31T00:00:00Z"), now = midnight + 36600250;
		const about = { getElementById: () => ({ textContent: JSON.stringify({ base: midnight + "000000" }) }) };
		const parseTime = new Function("document", readFileSync(new URL("../../src/dist/timeline/text.js", import.meta.url), "utf8") + "; return parseTime;")(about);
		const ms = (text) => {
			const t = parseTime(text, (now - midnight) * 1e6);
			return t === undefined ? undefined : midnight + t / 1e6;
		};
		const all = { now,
			today: midnight, yesterday: midnight - day, tomorrow: midnight + day, "10:30": midnight + 37800000, "10:30:15.5": midnight + 37815500, noon: midnight + day / 2, midnight,
			"2026-01-30": midnight - day, "2026-01-31 10:30": midnight + 37800000, "2026-01-31T10:30:00Z": midnight + 37800000, "2026-01-31T10:30:00+02:00": midnight + 30600000, "2026-01-30 noon": midnight - day / 2,
			saturday: midnight, "last saturday": midnight - 7 * day, monday: midnight - 5 * day, "mon 10:30": midnight - 5 * day + 37800000, "Last Monday at noon": midnight - 4.5 * day, "yesterday 14:00": midnight - day + 50400000,
			"2 hours ago": now - 7200000, "90s ago": now - 90000, "-15m": now - 900000, "-1h30m": now - 5400000, "1h30m ago": now - 5400000, "an hour ago": now - 3600000, "a week and 2 days ago": now - 9 * day,
			"1 day 6 hours ago": now - 1.25 * day, "last hour": now - 3600000, "last week": now - 7 * day, "2 months ago": now - 61 * day, "1 year ago": now - 365 * day, "@1700000000": 1700000000000,
		};
		for (const [text, want] of Object.entries(all)) assert.equal(ms(text), want, text);
		for (const text of ["", "soon", "2 hours", "ago", "-", "25:00", "10:30 x", "@", "1x ago", "2026-01-31x", "2026-13-01", "last", "last m", "monday x", "at noon", "yesterday at", "2 ago", "1h30 ago", "400 years ago",
			"1 hour and ago", "and 1 hour ago", "saturdays", "now x", "constructor", "last constructor", "1 constructor ago"]) assert.equal(ms(text), undefined, text);
	},

	async zoom(kit) {
		const { p, end } = await small(kit);
		assert.equal(await window(p), null, "all of it needs no window");
		await p.mouse("mouseWheel", 700, 500, { deltaX: 0, deltaY: -400 });
		const one = await window(p);
		await p.key("+");
		const two = await window(p);
		assert.ok(width(two) < width(one) * 0.7, "+ comes nearer");
		await p.key("-");
		assert.ok(Math.abs(width(await window(p)) / width(one) - 1) < 0.01, "- goes back");
		await p.mouse("mousePressed", 800, 500, { button: "left", clickCount: 1 });
		await p.mouse("mouseMoved", 700, 500, { button: "left", buttons: 1 });
		await p.mouse("mouseMoved", 600, 500, { button: "left", buttons: 1 });
		await p.mouse("mouseReleased", 600, 500, { button: "left", clickCount: 1 });
		const dragged = await window(p);
		assert.ok(dragged[0] > one[0] && Math.abs(width(dragged) / width(one) - 1) < 0.01, "dragging moves");
		await p.key("ArrowLeft");
		assert.ok((await window(p))[0] < dragged[0]);
		await p.key("0");
		assert.equal(await window(p), null);
		const strip = await p.eval("(({ x, y, width, height }) => ({ x, y, width, height }))(document.getElementById('strip').getBoundingClientRect())");
		await p.key("+");
		await p.key("+");
		const y = strip.y + strip.height / 2;
		await p.mouse("mousePressed", 100, y, { button: "left", clickCount: 1 });
		await p.mouse("mouseMoved", 160, y, { button: "left", buttons: 1 });
		await p.mouse("mouseMoved", 220, y, { button: "left", buttons: 1 });
		await p.mouse("mouseReleased", 220, y, { button: "left", clickCount: 1 });
		const drawn = await window(p), all = kit.records(SMALL), first = Date.parse(all[0].time), last = Date.parse(all.at(-1).time);
		assert.ok(Math.abs(Number(drawn[0] / 1000000n) - (first + ((last - first) * 90) / 1260)) < (last - first) * 0.01, "a window drawn on the strip begins where it was begun");
		assert.ok(Math.abs(width(drawn) / 1e6 - ((last - first) * 120) / 1260) < (last - first) * 0.01);
		for (const button of ["in", "out", "fit"]) await p.eval("document.getElementById('" + button + "').click()");
		assert.equal(await window(p), null);
		await end();
	},

	async click(kit) {
		const { p, made, end } = await small(kit);
		const lines = readFileSync(made.records, "utf8").split("\n"), line = lines.find((l) => l.includes('"type":"call"') && l.includes('"link":"causal"') && l.includes("file.rename")), call = JSON.parse(line);
		await filter(p, "call:" + call.call);
		await p.eval("document.getElementById('lanes').focus()");
		await p.key("Enter");
		await p.until(detail + " !== ''");
		await p.key("Enter");
		await p.key("Escape");
		await p.until(detail + " === ''");
		const w = await window(p), box = await p.eval("(({ x, y, width, height }) => ({ x, y, width, height }))(document.getElementById('lanes').getBoundingClientRect())");
		const ns = (s) => BigInt(Date.parse(s.slice(0, 19) + "Z")) * 1000000n + BigInt(s.slice(20, 29));
		const mid = Number((ns(call.begin) + ns(call.end)) / 2n - w[0]) / width(w);
		for (let y = box.y + 74; y < box.y + box.height && !(await p.eval(detail)); y += 13) {
			await p.click(box.x + 196 + mid * (box.width - 196), y);
			if (await selected(p)) break; // its panel may take longer
		}
		const text = await p.until(detail);
		assert.ok(text.includes(call.call), "the panel names the call");
		for (const e of call.effects) {
			assert.ok(text.includes(e.kind) && text.includes(e.target) && text.includes(e.why), "with each effect's evidence");
			assert.ok(text.includes("#" + e.seqs[0].toLocaleString("en-US")));
		}
		assert.match(text, /causal: the task that did it wrote this call's answer · on the word of the observed process's runtime/);
		assert.match(text, /certain/);
		await kit.shot(p, "detail");
		await p.eval("document.querySelector('#detail details.raw summary').click()");
		assert.equal(await p.until("document.querySelector('#detail pre')?.textContent"), line, "the exact record, to the byte");
		await p.eval("[...document.querySelectorAll('#detail .seqs button')][0].click()");
		await p.until(detail + ".startsWith('effect')");
		assert.match(await p.eval(detail), /Done by the call/);
		await end();
	},

	async keyboard(kit) {
		const { p, end } = await small(kit), all = kit.records(SMALL);
		const byBegin = all.filter((r) => r.type === "request").sort((a, b) => (a.begin < b.begin ? -1 : 1));
		const shows = (id) => p.until(detail + ".includes(" + JSON.stringify(id) + ")");
		await p.key("j");
		await shows(byBegin[0].call);
		await p.key("j");
		await shows(byBegin[1].call);
		await p.key("k");
		await shows(byBegin[0].call);
		await p.key("a");
		const alerts = all.filter((r) => r.type === "alert");
		await p.until(detail + ".includes(" + JSON.stringify(alerts[0].rule) + ")");
		assert.match(await p.eval("document.getElementById('said').textContent"), /^alert /, "a screen reader hears it");
		await p.key("a");
		await p.until("location.hash.includes('r=" + alerts[1].seq + "@0')");
		await p.key("Escape");
		await p.until(detail + " === ''");
		await p.key("/");
		assert.equal(await p.eval("document.activeElement.id"), "filter");
		for (const c of "tool:refund") await p.key(c);
		assert.equal(await p.eval("document.getElementById('filter').value"), "tool:refund");
		await p.key("Enter");
		await p.until(detail + ".includes('refund')");
		const first = await p.eval("location.hash");
		await p.key("n");
		await p.until("location.hash !== " + JSON.stringify(first));
		assert.match(await p.until(detail), /refund/);
		await p.key("?");
		assert.ok(await p.eval("document.getElementById('helpbox').open && document.getElementById('helpbox').innerText.includes('kind:file.delete')"));
		await kit.shot(p, "help");
		await p.key("Escape");
		assert.equal(await p.eval("document.getElementById('helpbox').open"), false);
		await end();
	},

	async link(kit) {
		const { p, made, end } = await small(kit);
		await filter(p, "server:files kind:file.*");
		for (const k of ["+", "+", "j", "j"]) await p.key(k);
		await p.until(detail);
		const w = await window(p), hash = await p.eval("location.hash.slice(1)"), said = await p.eval(counts), text = await p.eval(detail);
		assert.match(hash, /^f=server%3Afiles%20kind%3Afile\.\*&w=\d+-\d+&call=ca1b2c3d4-\d+$/);
		const q = await kit.chrome.page();
		await q.open(made.html, hash);
		await q.until(detail);
		assert.equal(await q.eval(counts), said);
		assert.equal(await q.eval(detail), text);
		assert.equal(await q.eval("document.getElementById('filter').value"), "server:files kind:file.*");
		await q.key("+");
		await q.key("-");
		const again = await window(q);
		assert.ok(Math.abs(width(again) / width(w) - 1) < 0.001 && Math.abs(Number(again[0] - w[0])) < width(w) * 0.001, "the same window");
		for (const bad of ["f=%E0%A4%A", "w=9-1", "r=99999999@9", "call=<script>", "w=" + "9".repeat(30) + "-1&f=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"]) await q.open(made.html, bad);
		quiet(q, made.html);
		await q.close();
		await end();
	},

	async looks(kit) {
		const { p, end } = await small(kit, { scheme: "dark" });
		const ground = "getComputedStyle(document.body).backgroundColor", bright = (c) => c.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) > 384;
		const canvas = "Array.from(document.getElementById('lanes').getContext('2d').getImageData(5, 5, 1, 1).data.slice(0, 3)).join(' ')";
		await p.eval("document.getElementById('lanes').getContext('2d', { willReadFrequently: true })");
		assert.equal(bright(await p.eval(ground)), false);
		await kit.shot(p, "dark");
		await p.eval("document.getElementById('theme').click()");
		assert.equal(bright(await p.eval(ground)), true);
		await p.until("new Promise((d) => requestAnimationFrame(() => d(true)))");
		assert.equal(bright(await p.eval(canvas)), true, "what is drawn follows");
		await p.eval("document.getElementById('theme').click()");
		assert.equal(bright(await p.eval(ground)), false);
		p.faults = p.faults.filter((f) => !f.includes("willReadFrequently")); // of this test's own look
		await end();
		const unnamed = "[...document.querySelectorAll('button, input, canvas[tabindex]')].filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length";
		const q = (await small(kit, { scheme: "light" }));
		assert.equal(await q.p.eval(unnamed), 0, "each control has a name");
		await kit.shot(q.p, "light");
		await q.end();
	},

	async narrow(kit) {
		const { p, end } = await small(kit, { width: 380, height: 800, mobile: true });
		const wide = "document.documentElement.scrollWidth - innerWidth";
		assert.ok(await p.eval(wide) <= 0, "no scrolling sideways");
		await kit.shot(p, "narrow");
		await p.key("j");
		await p.until(detail);
		assert.ok(await p.eval(wide) <= 0, "nor with a record open");
		await kit.shot(p, "narrow-detail");
		await p.eval("document.querySelector('details.about').open = true");
		assert.ok(await p.eval(wide) <= 0, "nor with all about the log");
		await p.eval("document.getElementById('help').click()");
		assert.ok(await p.eval("document.getElementById('helpbox').getBoundingClientRect().right <= 380"));
		await end();
	},

	async hostile(kit) {
		const made = kit.page(400, "hostile"), p = await kit.chrome.page();
		await p.open(made.html);
		const elements = "['script', 'img', 'iframe', 'link', 'object', 'embed', 'svg', 'style', 'form', 'base'].map((t) => t + document.getElementsByTagName(t).length).join(' ')";
		const before = await p.eval(elements);
		const clean = async (where) => {
			assert.equal(await p.eval("typeof window.bad + typeof Object.prototype.note"), "undefinedundefined", where);
			assert.equal(await p.eval(elements), before, where);
			assert.doesNotMatch(await p.eval("document.body.innerText"), /[\u200b-\u200f\u2028-\u202e\u2066-\u2069\u0000-\u0008\u001b]/, where + ": what hides or reorders text is written out");
			assert.equal(await p.eval("[...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith('on')).length"), 0, where);
		};
		await clean("opened");
		let seen = "";
		for (let k = 0; k < 30; k++) {
			const old = JSON.stringify(await p.eval(detail));
			await p.key("j");
			seen += await p.until(detail + " !== " + old + " && " + detail);
		}
		await clean("with records open");
		await kit.shot(p, "hostile");
		for (const text of ["<script>window.bad=1</script>", "onerror=\"window.bad=1\"", "</script><script>", "\\u{202e}gpj.exe", "\\u{2028}b", "\\x07bell\\x1b[31m", "__proto__", "12345678901234567"]) assert.ok(seen.includes(text), "shown as text: " + text);
		for (let k = 0; k < 4; k++) await p.key("a");
		await p.eval("document.querySelector('details.about').open = true");
		await p.eval("document.querySelectorAll('#head .names button')[1].click()");
		await filter(p, "tool:<script>* 'window.bad'");
		await filter(p, "grep:(a+)+$ type:notice");
		await filter(p, "[*]( \u202e {}");
		await clean("filtered");
		await filter(p, "type:all");
		await p.eval("dispatchEvent(new Event('beforeprint'))");
		await clean("on paper");
		assert.ok(await p.eval("document.querySelectorAll('#paper tbody tr').length") >= 400);
		quiet(p, made.html);
		await p.close();
	},

	async policy(kit) {
		const { p, made, end } = await small(kit);
		const html = readFileSync(made.html, "latin1"), policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(html)[1];
		assert.match(policy, /^default-src 'none'; script-src 'sha256-\S{44}'; style-src 'sha256-\S{44}'; /);
		assert.doesNotMatch(policy, /unsafe|https?:|\*|data:|blob:/);
		const hash = (text) => "'sha256-" + createHash("sha256").update(text, "latin1").digest("base64") + "'";
		assert.ok(policy.includes("style-src " + hash(/<style>([^]*?)<\/style>/.exec(html)[1])));
		const script = /<script>([^]*?)<\/script>/.exec(html)[1];
		assert.ok(policy.includes("script-src " + hash(script)));
		assert.doesNotMatch(script, /\.(innerHTML|outerHTML|insertAdjacentHTML)\b|document\.write|\beval\(|new Function|fetch\(|XMLHttpRequest|WebSocket|localStorage/);
		assert.equal(html.match(/<script>/g).length, 1);
		// it bites: what is not the page's own does not run and does not leave
		await p.eval("addEventListener('securitypolicyviolation', (e) => (window.stopped = [...(window.stopped || []), e.effectiveDirective]))");
		await p.eval("{ const s = document.createElement('script'); try { s.text = 'window.bad = 1'; document.body.append(s); } catch (e) { window.stopped = ['types']; } const i = new Image(); i.src = 'https://example.invalid/x.png'; document.body.append(i); }");
		await p.until("window.stopped && window.stopped.includes('img-src')");
		assert.equal(await p.eval("typeof window.bad"), "undefined");
		await p.eval("fetch('https://example.invalid/').then(() => 1, () => 0)");
		p.faults = []; // these were this test's own
		p.requests = p.requests.filter((u) => !u.includes("example.invalid"));
		await end();
	},

	async tampered(kit) {
		const dir = kit.tampered(), html = kit.dir + "/tampered.html", said = kit.timeline(dir, html, 3);
		assert.match(said, /RELY/);
		const p = await kit.chrome.page();
		await p.open(html);
		assert.match(await p.eval("document.title"), /^NOT TO BE RELIED ON/);
		const b = await p.eval("(({ top, bottom, width }) => ({ top, bottom, width }))(document.getElementById('wrong').getBoundingClientRect())");
		assert.ok(b.top >= 0 && b.bottom < 200 && b.width > 1200, "on the first screen, all of its width");
		const [red, green, blue] = (await p.eval("getComputedStyle(document.getElementById('wrong')).backgroundColor")).match(/\d+/g).map(Number);
		assert.ok(red > 150 && green < 80 && blue < 80, "in red");
		assert.match(await p.eval("document.getElementById('head').innerText"), /TAMPERED/);
		assert.match(await p.eval("document.querySelector('details.about summary').textContent"), /checkpoint [\d,]+ [A-Za-z0-9+/]{43}=/);
		assert.match(await p.eval("document.querySelector('details.about pre').textContent"), /mcpwatch\/[^]*— /, "with the checkpoint");
		await kit.shot(p, "tampered");
		await p.eval("dispatchEvent(new Event('beforeprint'))");
		assert.match(await p.eval("document.getElementById('paper').textContent"), /TAMPERED/);
		quiet(p, html);
		await p.close();
	},

	async cut(kit) {
		const made = kit.page(SMALL), html = kit.dir + "/cut.html", bytes = readFileSync(made.html);
		writeFileSync(html, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
		const p = await kit.chrome.page();
		await p.open(html);
		assert.match(await p.eval("document.getElementById('faults').innerText"), /cut off/);
		const at = bytes.lastIndexOf('class="i">') + 400, damaged = Buffer.from(bytes);
		damaged.write("A".repeat(60), at);
		writeFileSync(html, damaged);
		await p.open(html);
		assert.match(await p.eval("document.getElementById('faults').innerText"), /cannot be read|changed/);
		quiet(p, html);
		await p.close();
	},

	async empty(kit) {
		const none = kit.dir + "/none.jsonl", html = kit.dir + "/none.html", made = kit.page(SMALL);
		writeFileSync(none, "");
		kit.timeline(none, html);
		const p = await kit.chrome.page();
		await p.open(html);
		assert.match(await p.eval(counts), /^0 calls · 0 effects$/);
		for (const k of ["j", "n", "a", "+", "0", "Enter"]) await p.key(k);
		kit.timeline(made.records, html, 0, ["--since", "2031-01-01", "--tool", "it's <none>"]);
		await p.open(html);
		await p.eval("document.querySelector('details.about').open = true");
		assert.match(await p.eval("document.getElementById('head').innerText"), /--since 2031-01-01 --tool .*<none>/, "the export's own filter is said");
		quiet(p, html);
		await p.close();
	},

	// Where many gaps lie over each other it is still hatched, and one can be opened.
	async gaps(kit) {
		const log = kit.dir + "/gaps.jsonl", html = kit.dir + "/gaps.html", lines = [], server = { id: "s1", key: "k", name: "files" };
		const time = (n) => new Date(Date.parse("2026-01-31T10:00:00Z") + n * 10).toISOString().replace("Z", "000000Z");
		const put = (n, type, fields) => lines.push(JSON.stringify({ v: 1, seq: lines.length, time: time(n), boot_ns: 1 + n, host: "h", type, ...fields }));
		put(0, "call", { call: "c1", server, session: "x1", method: "tools/call", tool: "t", status: "ok", begin: time(0), end: time(100), elapsed_ms: 1000, evidence: "complete" });
		for (let k = 0; k < 400; k++) put(200 + k, "gap", { reason: "events_lost", where: "ring", events: 1, from: time(200 + k % 7), to: time(300 + k) });
		writeFileSync(log, lines.join("\n") + "\n");
		kit.timeline(log, html);
		const p = await kit.chrome.page();
		await p.open(html);
		const spread = (id, x, y, w, h) => p.eval("(() => { const c = document.getElementById('" + id + "'), r = devicePixelRatio, d = c.getContext('2d', { willReadFrequently: true }).getImageData(" + [x, y, w, h].map((v) => v + " * r").join(", ") + ").data; let least = 765, most = 0; for (let i = 0; i < d.length; i += 4) { const v = d[i] + d[i + 1] + d[i + 2]; least = Math.min(least, v); most = Math.max(most, v); } return most - least; })()");
		const box = await p.eval("(({ width, height }) => ({ width, height }))(document.getElementById('lanes').getBoundingClientRect())");
		assert.ok(await spread("lanes", 196 + (box.width - 196) * 0.43, 76, 30, 12) > 150, "striped in a lane");
		assert.ok(await spread("strip", box.width * 0.43, 16, 30, 10) > 150, "and in the strip");
		await kit.shot(p, "gaps");
		await p.close();
	},

	async paper(kit) {
		const { p, made, end } = await small(kit);
		await filter(p, "tool:refund");
		const { data } = await p.send("Page.printToPDF", { printBackground: false });
		const pdf = Buffer.from(data, "base64");
		assert.ok(pdf.subarray(0, 5).toString() === "%PDF-" && pdf.length > 20000);
		assert.ok(await p.eval("document.querySelectorAll('#paper tbody tr').length") >= kit.records(SMALL).filter((r) => r.type === "call" && r.tool === "refund").length);
		await p.send("Emulation.setEmulatedMedia", { media: "print" });
		assert.equal(await p.eval("getComputedStyle(document.getElementById('main')).display + getComputedStyle(document.getElementById('paper')).display"), "noneblock");
		await kit.shot(p, "paper");
		await p.send("Emulation.setEmulatedMedia", { media: "" });
		await end();
	},
};
