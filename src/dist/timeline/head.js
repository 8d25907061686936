/* SPDX-License-Identifier: Apache-2.0 */
/* head.js - what the log covers and whether it is proved; the legend; help; paper */

function rel(ns) {
	return /^-?\d+$/.test(ns) ? Number(BigInt(ns) - BASE) : 0;
}

function hosts() {
	return [...new Set(list(ABOUT.inputs).map((i) => str(get(i, "host"))).filter(Boolean))];
}

/* One sentence on one log, and how it is to be taken: good, weak, none, bad. */
function verdict(input) {
	if (get(input, "verdict") === undefined) return { cls: "none", short: "not sealed", long: "A file of records: nothing proves it." };
	if (input.verdict === "whole") {
		const enrolled = input.identity_enrolled ? "" : " The keys are the log's own: checked against none that were enrolled elsewhere.";
		return { cls: "good", short: "verified", long: plural(input.sealed, "record") + " proved by " + plural(input.seals, "seal") + "." + enrolled };
	}
	const at = input.seq !== undefined ? " First bad record: " + count(input.seq) + (input.file ? " (" + plain(input.file, 80) + " line " + count(input.line) + ")" : "") + "." : "";
	if (input.verdict === "short") return { cls: "weak", short: "intact, end not proved", long: plural(input.sealed, "record") + " proved. " + plain(input.text, 500) };
	return { cls: "bad", short: "TAMPERED", long: plain(input.text, 500) + at };
}

function worstVerdict() {
	const order = ["good", "none", "weak", "bad"];
	const all = list(ABOUT.inputs).map(verdict).sort((a, b) => order.indexOf(b.cls) - order.indexOf(a.cls));
	if (ABOUT.wrong) return { cls: "bad", short: all[0] && all[0].cls === "bad" ? "TAMPERED" : "NOT TO BE RELIED ON", long: plain(ABOUT.wrong, 600) };
	return all[0] || { cls: "none", short: "no log", long: "" };
}

function tile(number, [one, more], cls, query, extra) {
	const n = Number(number || 0), what = n === 1 ? one : more;
	return el("button", { type: "button", class: "tile " + (cls || ""), title: query ? "Filter: " + query : null, disabled: !query, onclick: query ? () => setFilter(query) : null }, el("b", {}, count(n)), el("span", {}, what), extra);
}

function span(first, last) {
	const a = absolute(rel(first)), b = absolute(rel(last));
	if (first === last) return clock(a, 3, true) + " UTC";
	const sameDay = clock(a, 0, true).slice(0, 10) === clock(b, 0, true).slice(0, 10);
	const fine = b - a < 10000000000n ? 3 : 0;
	return clock(a, fine, true) + " – " + clock(b, fine, !sameDay) + " UTC";
}

function names(listOf, more, key) {
	return el("ol", { class: "names" }, list(listOf).slice(0, 40).map((x) => {
		const value = str(get(x, 0)), bare = key === "principal" ? value.replace(/ \(claims [^]*\)$/, "") : value;
		/* a name is not to be taken for a pattern, nor for two words */
		const safe = bare.replace(/["*?[\\]/g, "?"), quoted = /[\s':]/.test(safe) ? '"' + safe + '"' : safe;
		return el("li", {}, el("button", { type: "button", class: "link", onclick: () => setFilter(key + ":" + quoted) }, world(value || "(no name)", 120)), el("span", { class: "weak" }, " " + count(get(x, 1) || 0), get(x, 2) ? " · " + plural(get(x, 2), "alert") : ""));
	}), more > 0 || list(listOf).length > 40 ? el("li", { class: "weak" }, "and " + count(Number(more || 0) + Math.max(0, list(listOf).length - 40)) + " more") : null);
}

function inputFacts(input) {
	const v = verdict(input);
	return el("section", { class: "input" },
		el("dl", { class: "facts" },
			fact("Log", world(str(input.path), 300)), fact("Host", world(str(input.host), 200)),
			fact("Records", count(input.n || 0)), fact("Covers", span(input.first, input.last)),
			fact("Written by", input.version ? "mcpwatch " + plain(input.version, 40) : ""),
			fact("Verification", el("span", { class: "badge " + v.cls }, v.short), " ", v.long),
			fact("Origin", input.origin ? world(input.origin, 300, "mono") : ""),
			fact("Last seal", input.sealed_ns && input.sealed_ns !== "0" ? when(rel(input.sealed_ns), 0) + " UTC" : ""),
			fact("Deleted", input.deleted ? plural(input.deleted, "oldest record") + ", as sealed records say" : ""),
			fact("Not sealed", input.tail ? plural(input.tail, "record") + " at the end" : ""),
			fact("Notes", list(input.notices).length ? el("ul", {}, list(input.notices).map((n) => el("li", {}, world(n, 400)))) : "")),
		input.checkpoint ? [el("h4", {}, "Checkpoint"), el("pre", { class: "note", tabindex: 0 }, str(input.checkpoint).split("\n").map((line) => [world(line, 400), "\n"]))] : null);
}

/* "checkpoint 1,000 records · root": what a signed note says. */
function checkpointLine() {
	const notes = list(ABOUT.inputs).map((i) => str(get(i, "checkpoint")).split("\n")).filter((lines) => lines.length > 3);
	if (notes.length === 0) return null;
	if (notes.length > 1) return [" · ", plural(notes.length, "checkpoint")];
	return [" · checkpoint ", /^\d{1,15}$/.test(notes[0][1]) ? count(notes[0][1]) : world(notes[0][1], 20), " ", world(notes[0][2], 50, "mono")];
}

function buildHead() {
	const v = worstVerdict(), box = document.getElementById("head"), sev = list(ABOUT.severity);
	document.body.classList.toggle("tampered", v.cls === "bad");
	const severities = [4, 3, 2, 1].map((s) => el("button", { type: "button", class: "sev", title: "Filter: severity:" + SEVERITY[s], disabled: !sev[s - 1], onclick: () => setFilter("severity:" + SEVERITY[s]) }, alertIcon(s), el("b", {}, count(sev[s - 1] || 0)), el("span", {}, SEVERITY[s])));
	const principals = list(ABOUT.principals).slice(0, 3).map((p, i) => [i ? ", " : "", world(get(p, 0), 60)]);
	const morePrincipals = Math.max(0, list(ABOUT.principals).length - 3) + Number(ABOUT.more_principals || 0);
	const lost = [ABOUT.lost_events ? plural(ABOUT.lost_events, "event") : "", ABOUT.lost_bytes ? bytes(ABOUT.lost_bytes) : ""].filter(Boolean).join(", ");
	box.replaceChildren(
		el("div", { class: "line" },
			el("h1", {}, el("span", { class: "brand" }, "mcpwatch"), " timeline"),
			el("span", { class: "host" }, hosts().slice(0, 3).map((h, i) => [i ? ", " : "", world(h, 80)]), hosts().length > 3 ? " and " + (hosts().length - 3) + " more" : ""),
			el("span", { class: "range" }, ABOUT.first === "0" && ABOUT.last === "0" ? "nothing" : span(ABOUT.first, ABOUT.last)),
			principals.length ? el("span", { class: "who" }, el("span", { class: "weak" }, "Principals "), principals, morePrincipals ? " and " + count(morePrincipals) + " more" : "") : null,
			el("span", { class: "badge " + v.cls, title: v.long }, v.short)),
		el("div", { class: "line tiles" },
			tile(ABOUT.calls, ["call", "calls"], "", "type:call"), tile(ABOUT.effects, ["effect", "effects"], "", "type:effect"),
			tile(ABOUT.alerts, ["alert", "alerts"], ABOUT.alerts ? "hot" : "", "type:alert"),
			tile(ABOUT.anomalies, ["anomaly", "anomalies"], "", ABOUT.anomalies ? "type:anomaly" : ""),
			tile(ABOUT.gaps, ["gap", "gaps"], "", ABOUT.gaps ? "type:gap" : "", lost ? el("i", {}, lost + " lost") : null),
			el("span", { class: "sevs", role: "group", "aria-label": "Alerts by severity" }, severities)),
		el("details", { class: "about" }, el("summary", {}, ABOUT.wrong ? "About this log" : ["About this log: ", v.long], checkpointLine()),
			el("div", { class: "cols" },
				el("div", {}, list(ABOUT.inputs).map(inputFacts),
					el("p", { class: "weak" }, "Made " + when(rel(ABOUT.made), 0) + " UTC by mcpwatch " + plain(ABOUT.program, 20), ABOUT.filter ? [" with the filter ", el("b", {}, world(ABOUT.filter, 400)), ": other records are not in this file"] : ", of all records", ".")),
				el("div", {}, el("h4", {}, "Servers"), names(ABOUT.servers, ABOUT.more_servers, "server")),
				el("div", {}, el("h4", {}, "Tools"), names(ABOUT.tools, ABOUT.more_tools, "tool")),
				el("div", {}, el("h4", {}, "Principals"), names(ABOUT.principals, ABOUT.more_principals, "principal")))));
	box.querySelector("details.about").addEventListener("toggle", () => resized());
}

function buildLegend() {
	const item = (pic, what) => el("span", { class: "key" }, pic, " ", what);
	document.getElementById("legend").replaceChildren(
		...[1, 2, 3, 4, 5, 6, 7].map((s) => item(statusIcon(s), STATUS_LOOK[s].what)),
		el("span", { class: "sep" }),
		...["read", "write", "delete", "process", "net", "db", "kernel", "odd", "event"].map((k) => item(icon((g) => drawMark(g, MARK_OF[k], 7, 7, 4.5), 14, 14), MARKS[MARK_OF[k]].what)),
		el("span", { class: "sep" }),
		...[4, 3, 2, 1].map((s) => item(alertIcon(s), SEVERITY[s])),
		el("span", { class: "sep" }),
		item(icon((g) => {
			g.fillStyle = stripes(g, C.hatch, false, 0.12);
			g.fillRect(0, 1, 18, 12);
		}, 18, 14), "gap: evidence is missing"),
		el("span", { class: "key weak" }, "faint mark: shared between calls, or start-up"));
}

const HELP_KEYS = [
	["drag, ← →", "move in time"], ["wheel, pinch, + −", "zoom"], ["↑ ↓, wheel over the names", "other lanes"], ["0", "all of it"],
	["/", "filter"], ["n p", "next, previous match"], ["j k", "next, previous call"], ["a", "next alert"], ["Enter", "open"], ["Esc", "close; empty the filter"], ["?", "this help"],
];
const HELP_WORDS = [
	["tool:delete_*", "calls of this tool, with what they did"], ["server:files", "name, key or id of a server"], ["kind:file.delete", "effects of this kind, and calls that have one; kind:net.*"],
	["target:/etc/**", "effects on it, and calls that have one: *.key, /etc/ (all below), 10.0.0.0/8, :443; * stops at a slash, ** does not"], ["principal:alice", "user, uid, unit, container or token subject"],
	["alert:secret.*", "alerts of this rule, calls that raised one"], ["severity:high", "alerts this grave or more, and calls that raised one"], ["call:ID", "one call, its effects, what names it"],
	["status:tool_error", "ok, tool_error, rpc_error, cancelled, no_response, lost, open"], ["type:call,alert", "only these records"],
	["since:10:30 until:11:00", "10:30, 2026-01-31, “2026-01-31 10:30”, RFC 3339, “2 hours ago”, -15m, “yesterday 14:00”, “last monday”, @seconds: in UTC, counted from the log's end"],
	["pid:4711", "done by this process, or of such a server or client"],
	["method: session: host: link: confidence:", "as they stand in records"], ["grep:REGEX", "records whose text has a match (JavaScript)"], ["some text", "records that hold it, in capitals or not"],
];

function buildHelp() {
	const rows = (all) => el("table", {}, el("tbody", {}, all.map(([k, v]) => el("tr", {}, el("th", { scope: "row" }, k), el("td", {}, v)))));
	const box = document.getElementById("helpbox");
	const filters = el("div", {}, el("h3", {}, "Filter"), el("p", {}, "The words of mcpwatch log, also as --tool X. Values may be globs (*, ?, […]); !VALUE leaves out. A word given twice widens, another one narrows. Quote what has blanks."), rows(HELP_WORDS));
	box.replaceChildren(
		el("div", { class: "top" }, el("h2", {}, "Help"), el("button", { type: "button", "aria-label": "Close", onclick: () => box.close() }, "✕")),
		el("div", { class: "cols" },
			el("div", {}, el("h3", {}, "Reading it"),
				el("p", {}, "Each lane is a session of a server; bars are calls, and calls that overlap stand below each other. Marks under a call are what the host saw it do. What a server did with no call open, or what several calls share, stands in its lane “background”. Hatched: evidence is missing there. A small flag on a call is its worst alert."),
				el("p", {}, "Where many calls or effects share a place, colour shows their shares: what was not well, and the gravest effects, lowest."),
				el("p", {}, "Escapes such as ", world("\u202e"), " and ", world("\u0007"), " stand for characters that hide or reorder text."),
				el("p", {}, "The address bar holds filter, window and selection: copy it to point somebody at what you see. This page loads nothing and sends nothing.")),
			filters,
			el("div", {}, el("h3", {}, "Keys"), rows(HELP_KEYS))));
}

/* --- paper --- */

const PAPER_MAX = 2000;

function paperTable(rows, heads, cells) {
	return el("table", {}, el("thead", {}, el("tr", {}, heads.map((h) => el("th", { scope: "col" }, h)))), el("tbody", {}, rows.slice(0, PAPER_MAX).map((i) => el("tr", {}, cells(i).map((c) => el("td", {}, c))))));
}

function buildPaper() {
	const calls = [], alerts = [];
	for (let i = 0; i < D.n; i++) {
		if (view.ok && !view.ok[i]) continue;
		if (isCall(i)) calls.push(i);
		else if (D.type[i] === T.ALERT) alerts.push(i);
	}
	const byTime = (a, b) => D.t[a] - D.t[b];
	const rest = (all) => (all.length > PAPER_MAX ? el("p", {}, plural(all.length - PAPER_MAX, "more row") + " not printed: narrow the filter, or export as csv.") : null);
	const v = worstVerdict(), filter = document.getElementById("filter").value.trim();
	document.getElementById("paper").replaceChildren(...[
		el("h1", {}, "mcpwatch timeline"),
		el("p", { class: "verdict " + v.cls }, v.short, ": ", v.long),
		el("p", {}, span(ABOUT.first, ABOUT.last), " · ", plural(ABOUT.calls || 0, "call"), ", ", plural(ABOUT.effects || 0, "effect"), ", ", plural(ABOUT.alerts || 0, "alert"), ", ", plural(ABOUT.gaps || 0, "gap"), filter ? [" · filter: ", world(filter, 300)] : ""),
		list(ABOUT.inputs).map(inputFacts),
		el("h2", {}, "Alerts"),
		alerts.length ? paperTable(alerts.sort(byTime), ["Time (UTC)", "Severity", "Rule", "What", "On"], (i) => [when(D.t[i]), SEVERITY[D.status[i]], world(name("name", i), 80), world(title(i), 160), world(targets(i).slice(0, 3).join(", "), 160)]) : el("p", {}, "None."), rest(alerts),
		el("h2", {}, "Calls"),
		calls.length ? paperTable(calls.sort(byTime), ["Time (UTC)", "Server", "Call", "Tool", "Principal", "Status", "Took", "Effects"], (i) => {
			let n = 0;
			for (let e = D.first[i]; e >= 0; e = D.next[e]) n += D.type[e] === T.EFFECT;
			return [when(D.t[i]), world(serverNames(D.dict[D.server[i]])[0] || "", 60), world(callId(i), 60), world(title(i), 100), world(principalLabel(D.dict[D.who[i]]), 60), STATUS_LOOK[D.status[i]].what, took(D.d[i]), count(n)];
		}) : el("p", {}, "None."), rest(calls)].flat().filter(Boolean));
}
