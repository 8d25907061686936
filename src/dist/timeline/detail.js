/* SPDX-License-Identifier: Apache-2.0 */
/* detail.js - one record with all that is known: what happened, on what evidence, and its exact text */

const panel = document.getElementById("detail");
let shown = 0; /* counts, so that a late answer does not replace a newer one */

const LINK_WORDS = {
	causal: "the runtime's own task identity joins the effect and the call's answer or dispatch, unbroken",
	lineage: "done by a process that a linked effect started",
	flow: "on the file or connection that a linked effect opened",
	argument: "its target is named in this one open call's arguments only",
	response: "its target, or what was read from it, stands in this one call's answer only",
	order: "the order of dispatch and of first actions, where the runtime is known to keep it",
	sole: "this was the only call open on the server, and nothing ties the effect to anything else",
	shared: "several calls were open and nothing decides between them",
	none: "no call was open on this server, or the evidence excludes every open call",
};
const CONFIDENCE_WORDS = {
	certain: "cannot be wrong unless the process forged its own runtime",
	likely: "the evidence points to this call; it is no proof",
	shared: "one of the calls named did it",
	none: "belongs to no call",
};
const EVIDENCE_WORDS = { complete: "all bytes of both ends were seen", incomplete: "parts of it were not seen", one_sided: "only one end of the connection was seen" };

function chip(word, cls, why) {
	return el("span", { class: "chip " + cls, title: why || null }, plain(word, 40));
}

function fact(key, ...value) {
	const v = value.flat().filter((x) => x !== null && x !== undefined && x !== "");
	return v.length ? [el("dt", {}, key), el("dd", {}, ...v)] : [];
}

/* Any value as a table; what is deep or long stands as JSON. */
function table(v, depth) {
	if (v === null || typeof v !== "object" || v instanceof Exact) return scalar(v);
	const entries = Array.isArray(v) ? v.map((x, i) => [String(i), x]) : Object.entries(v);
	if (entries.length === 0) return el("span", { class: "weak" }, Array.isArray(v) ? "empty list" : "empty");
	if (depth > 5) return world(write(v), 2000, "mono");
	if (Array.isArray(v) && v.every((x) => x === null || typeof x !== "object") && v.length <= 200 && v.every((x) => String(x).length < 60))
		return el("span", {}, v.map((x, i) => [i ? ", " : "", scalar(x)]));
	const rows = entries.slice(0, 300).map(([k, x]) => el("tr", {}, el("th", { scope: "row" }, world(k, 120)), el("td", {}, table(x, depth + 1))));
	if (entries.length > 300) rows.push(el("tr", {}, el("td", { colspan: 2, class: "weak" }, plural(entries.length - 300, "more value") + ": see the exact record")));
	return el("table", { class: "tree" }, el("tbody", {}, rows));
}

function write(v) {
	return JSON.stringify(v, (k, x) => (x instanceof Exact ? x.source : x)) || "";
}

function scalar(v) {
	if (v instanceof Exact) return world(v.source, 400, "num");
	if (typeof v === "string") return world(v, 4000, "text");
	return el("span", { class: "num" }, String(v));
}

function recordLink(i, text) {
	return el("button", { type: "button", class: "link", onclick: () => select(i, true) }, text);
}

function seqButtons(input, seqs) {
	const out = list(seqs).slice(0, 40).map((seq) => {
		const i = rowOfSeq(input, seq);
		return i === undefined ? el("span", { class: "weak" }, "#" + plain(seq, 20) + " ") : [recordLink(i, "#" + count(seq)), " "];
	});
	if (list(seqs).length > 40) out.push(el("span", { class: "weak" }, "… " + plural(seqs.length, "record")));
	return out;
}

/* --- the evidence of one tie --- */

function tieCard(e, input, rowIcon) {
	const link = str(get(e, "link")) || "none", conf = str(get(e, "confidence")) || "none", n = get(e, "n");
	const result = str(get(e, "result")), row = rowOfSeq(input, list(get(e, "seqs"))[0]);
	const mode = str(get(e, "mode")) || (row !== undefined && D.type[row] === T.EFFECT ? name("aux", row) : "");
	return el("li", { class: "tie" },
		el("div", { class: "tiehead" }, rowIcon, el("strong", {}, plain(str(get(e, "kind")) || "effect", 60)), mode ? el("span", { class: "mono weak", title: "how it was opened" }, plain(mode, 30)) : null, " ",
			typeof n === "number" && n > 1 ? el("span", { class: "weak" }, "× " + count(n) + " ") : null,
			result && result !== "ok" ? chip(result, "bad", "the action failed") : null,
			chip(conf, "conf-" + (CONFIDENCE_WORDS[conf] ? conf : "none"), CONFIDENCE_WORDS[conf])),
		str(get(e, "target")) ? el("div", { class: "target" }, world(get(e, "target"), 600)) : null,
		str(get(e, "target2")) ? el("div", { class: "target" }, "to ", world(get(e, "target2"), 600)) : null,
		str(get(e, "name")) ? el("div", { class: "target" }, "name ", world(get(e, "name"), 300)) : null,
		el("div", { class: "why" }, el("b", { title: LINK_WORDS[link] || null }, plain(link, 30)), ": ", world(str(get(e, "why")) || LINK_WORDS[link] || "", 400), str(get(e, "basis")) ? el("span", { class: "weak" }, " · on the word of the " + (get(e, "basis") === "runtime" ? "observed process's runtime" : "kernel")) : null),
		list(get(e, "seqs")).length ? el("div", { class: "seqs" }, "records ", seqButtons(input, get(e, "seqs"))) : null);
}

function tieIcon(e, input) {
	const i = rowOfSeq(input, list(get(e, "seqs"))[0]);
	if (i !== undefined) return markIcon(i);
	const m = markKind(str(get(e, "kind")), "");
	return icon((g) => drawMark(g, m, 7, 7, 4.5, false), 14, 14);
}

function words() {
	const row = ([k, v]) => [el("dt", {}, k), el("dd", {}, v)];
	return el("details", { class: "words" }, el("summary", {}, "What these words mean"),
		el("p", {}, "A tie says how an effect was joined to a call. The word before the colon is the kind of evidence, the mark on the right how far to trust it."),
		el("dl", {}, Object.entries(LINK_WORDS).map(row)), el("dl", {}, Object.entries(CONFIDENCE_WORDS).map(row)));
}

async function tiesOf(i, rec) {
	const out = list(get(rec, "effects")).slice();
	for (let e = D.first[i]; e >= 0; e = D.next[e])
		if (D.type[e] === T.TIES) out.push(...list(get(parse(await recordLine(e)), "effects")));
	return out;
}

async function callSections(i, rec) {
	const ties = await tiesOf(i, rec), out = [];
	const rules = list(get(rec, "alerts"));
	const alerts = [], bodies = [], odd = [];
	for (let e = D.first[i]; e >= 0; e = D.next[e]) {
		if (D.type[e] === T.ALERT) alerts.push(e);
		else if (D.type[e] === T.BODY) bodies.push(e);
		else if (D.type[e] === T.ANOMALY) odd.push(e);
	}
	if (rules.length || alerts.length)
		out.push(el("h3", {}, "Alerts"), el("ul", { class: "rows" }, alerts.map((a) => el("li", {}, alertIcon(D.status[a]), " ", recordLink(a, plain(title(a), 160)), " ", el("span", { class: "weak" }, SEVERITY[D.status[a]] + " · " + plain(name("name", a), 80)))),
			rules.filter((r) => !alerts.some((a) => name("name", a) === r)).map((r) => el("li", {}, plain(str(r), 120)))));
	const n = get(rec, "effects_n");
	out.push(el("h3", {}, "What it did ", el("span", { class: "weak" }, ties.length ? plural(typeof n === "number" ? n : ties.length, "effect") + ", with their evidence" : "")));
	if (ties.length === 0) out.push(el("p", { class: "weak" }, rec && get(rec, "type") === "request" ? "No end of this call was recorded, so nothing settled what it did; effects seen so far are drawn below it." : "No effect on the host was tied to this call."));
	else out.push(el("ol", { class: "ties" }, ties.slice(0, 200).map((e) => tieCard(e, D.input[i], tieIcon(e, D.input[i])))), words());
	if (ties.length > 200) out.push(el("p", { class: "weak" }, plural(ties.length - 200, "more effect") + ": see the exact record"));
	if (odd.length) out.push(el("h3", {}, "Anomalies"), el("ul", { class: "rows" }, odd.map((a) => el("li", {}, recordLink(a, plain(title(a), 160))))));
	if (bodies.length)
		out.push(el("h3", {}, "Long content"), el("p", {}, "Continued in ", bodies.sort((a, b) => a - b).slice(0, 40).map((b) => [recordLink(b, plain(name("name", b), 20) + " #" + count(D.seq[b])), " "])));
	return out;
}

function sharedSection(rec, i) {
	const ids = list(get(rec, D.type[i] === T.EFFECT ? "candidates" : "calls")), find = callIds();
	if (ids.length === 0) return [];
	return [el("h3", {}, D.type[i] === T.EFFECT ? "One of these calls did it" : D.type[i] === T.GAP ? "Calls that it touches" : "Calls"), el("ul", { class: "rows" }, ids.slice(0, 60).map((id) => {
		const c = find(id);
		return el("li", {}, c === undefined ? plain(str(id), 60) : [statusIcon(D.status[c]), " ", recordLink(c, plain(title(c), 80) + "  " + plain(id, 40))]);
	}))];
}

function effectSections(i, rec) {
	const out = [], c = D.call[i], own = { ...rec, seqs: [] };
	if (c >= 0) out.push(el("h3", {}, "Done by the call"), el("ul", { class: "rows" }, el("li", {}, statusIcon(D.status[c]), " ", recordLink(c, plain(title(c), 100)), " ", el("span", { class: "weak" }, plain(callId(c), 60)))));
	else out.push(el("h3", {}, "Belongs to no call"));
	out.push(el("h3", {}, "Evidence"));
	const settled = (D.flags[i] & F.SETTLED) && (LINKS[D.status[i]] !== str(get(rec, "link")) || callId(i) !== str(get(rec, "call")));
	if (settled)
		out.push(el("p", {}, "When it was written: ", el("b", {}, plain(str(get(rec, "link")) || "none", 30)), ". The call's record, written later, settles it: ", el("b", {}, LINKS[D.status[i]]), ", ", chip(CONFIDENCE[D.conf[i]], "conf-" + CONFIDENCE[D.conf[i]], CONFIDENCE_WORDS[CONFIDENCE[D.conf[i]]]), "."));
	out.push(el("ol", { class: "ties" }, tieCard(own, D.input[i], markIcon(i))), words());
	if (get(rec, "target_from") === "string") out.push(el("p", { class: "weak" }, "The target is the argument as the process gave it (string): it is no proof of which object it was."));
	return out.concat(sharedSection(rec, i));
}

function alertSections(i, rec) {
	const out = [];
	if (str(get(rec, "detail"))) out.push(el("p", {}, world(get(rec, "detail"), 2000)));
	const ts = list(get(rec, "targets")).filter((t) => typeof t === "string");
	if (ts.length) out.push(el("h3", {}, "On"), el("ul", { class: "rows" }, ts.slice(0, 60).map((t) => el("li", {}, world(t, 400)))));
	out.push(...sharedSection(rec, i));
	if (list(get(rec, "effects")).length) out.push(el("h3", {}, "Effects"), el("p", {}, seqButtons(D.input[i], get(rec, "effects"))));
	return out;
}

/* --- the panel --- */

function heading(i, rec) {
	const facts = [], server = get(rec, "server"), client = get(rec, "client"), err = get(rec, "error");
	facts.push(fact("Time", when(D.t[i], 9) + " UTC"));
	if (isCall(i)) {
		const ev = str(get(rec, "evidence"));
		facts.push(fact("Status", statusIcon(D.status[i]), " ", (STATUS_LOOK[D.status[i]] || STATUS_LOOK[0]).what, D.status[i] === OPEN ? "" : " after " + took(D.d[i])));
		if (err) facts.push(fact("Error", world(write(get(err, "code") ?? "") + " " + str(get(err, "message")), 400)));
		if (ev) facts.push(fact("Evidence", ev.replace("_", " "), el("span", { class: "weak" }, EVIDENCE_WORDS[ev] ? " · " + EVIDENCE_WORDS[ev] : "")));
		facts.push(fact("Call", world(callId(i), 100, "mono"), str(get(D.text[i], "j")) ? el("span", { class: "weak" }, " · seen on another host as ", world(get(D.text[i], "j"), 100)) : null));
	}
	if (D.type[i] === T.ALERT) facts.push(fact("Severity", alertIcon(D.status[i]), " ", SEVERITY[D.status[i]]), fact("Rule", world(name("name", i), 200, "mono")));
	if (D.type[i] === T.GAP) facts.push(fact("Lasts", D.d[i] ? took(D.d[i]) : ""), fact("Lost", [get(rec, "events") !== undefined ? plural(get(rec, "events"), "event") : "", " ", get(rec, "bytes") !== undefined ? bytes(get(rec, "bytes")) : ""].join("").trim()));
	if (D.type[i] === T.EFFECT) {
		facts.push(fact("Target", targets(i).length ? world(targets(i)[0], 800) : ""), fact("Result", str(get(rec, "result")) ? world(get(rec, "result"), 60) : ""));
		facts.push(fact("Process", str(get(rec, "exe")) ? [world(get(rec, "exe"), 300), " pid " + plain(get(rec, "pid"), 12)] : ""));
	}
	const sname = str(get(server, "name")) || str(get(server, "configured_name")) || keyLabel(str(get(server, "key")));
	facts.push(fact("Server", sname || str(get(server, "id")) ? [world(sname, 120), el("span", { class: "weak" }, " ", plain(str(get(server, "id")), 60))] : ""));
	facts.push(fact("Client", str(get(client, "name")) || str(get(client, "exe")) ? [world(str(get(client, "name")) || str(get(client, "exe")), 120), get(client, "pid") !== undefined ? " pid " + plain(get(client, "pid"), 12) : ""] : ""));
	const who = principalLabel(get(rec, "principal"));
	facts.push(fact("Principal", who ? world(who, 200) : ""));
	if (list(ABOUT.inputs).length > 1 || hostOf(i)) facts.push(fact("Host", world(hostOf(i), 100)));
	return el("dl", { class: "facts" }, facts);
}

function closeDetail() {
	shown++;
	panel.hidden = true;
	document.body.classList.remove("open");
}

async function showDetail(i) {
	const mine = ++shown;
	let line = "", rec, fault = "";
	try {
		line = await recordLine(i);
		rec = parse(line);
		if (get(rec, "seq") !== D.seq[i]) fault = "What stands here is another record: this file was changed.";
	} catch (e) {
		fault = "Its record is missing in this file.";
	}
	let sections = [];
	try {
		sections = isCall(i) ? await callSections(i, rec) : D.type[i] === T.EFFECT ? effectSections(i, rec) : D.type[i] === T.ALERT ? alertSections(i, rec) : sharedSection(rec, i);
	} catch (e) {
		fault = "Parts of its record are missing in this file.";
	}
	if (mine !== shown) return;
	const raw = el("details", { class: "raw" }, el("summary", {}, "Exact record ", el("span", { class: "weak" }, bytes(new Blob([line]).size))));
	raw.addEventListener("toggle", () => {
		if (raw.open && raw.children.length === 1) raw.append(el("pre", { tabindex: 0 }, world(line, 200000)));
	});
	const open = !panel.hidden;
	panel.replaceChildren(...[
		el("div", { class: "top" },
			el("span", { class: "kind" }, TYPES[D.type[i]] + " · record " + count(D.seq[i])),
			el("span", { class: "group" },
				el("button", { type: "button", title: "Previous (k)", "aria-label": "Previous call", onclick: () => stepCall(-1) }, "↑"),
				el("button", { type: "button", title: "Next (j)", "aria-label": "Next call", onclick: () => stepCall(1) }, "↓"),
				el("button", { type: "button", title: "Show where it is", onclick: () => reveal(i, true) }, "Zoom"),
				el("button", { type: "button", class: "close", title: "Close (Esc)", "aria-label": "Close", onclick: deselect }, "✕"))),
		el("h2", {}, D.type[i] === T.ALERT ? alertIcon(D.status[i]) : null, world(title(i), 240)),
		fault ? el("p", { class: "fault" }, fault) : null,
		heading(i, rec),
		...sections,
		el("h3", {}, "All of the record"),
		rec === undefined ? el("p", { class: "weak" }, "It cannot be read as JSON.") : el("div", { class: "scroll" }, table(rec, 0)),
		raw].filter(Boolean));
	panel.hidden = false;
	panel.scrollTop = 0;
	document.body.classList.add("open");
	if (!open) resized();
	document.getElementById("said").textContent = TYPES[D.type[i]] + " " + plain(title(i), 120) + ", " + when(D.t[i]) + (isCall(i) ? ", " + STATUS_LOOK[D.status[i]].what + ", " + took(D.d[i]) : "");
}
