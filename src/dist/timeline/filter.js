/* SPDX-License-Identifier: Apache-2.0 */
/* filter.js - the filter's words (those of `mcpwatch log`) and the rows that they let through */

const KEYS = {
	since: "time", until: "time", server: "server", tool: "tool", type: "type", kind: "kind", target: "target",
	principal: "principal", alert: "alert", call: "call", grep: "grep", severity: "severity", status: "status",
	method: "method", session: "session", host: "host", link: "link", confidence: "confidence", pid: "pid",
};

/* "tool:delete_* kind:file.delete 'some text'": {terms: {key: [value]}, words: [], faults: []} */
function parseFilter(text) {
	const f = { terms: {}, words: [], faults: [], text: text.trim() };
	const tokens = [];
	const re = /(?:--)?([a-z]+)([:=]|\s+)("([^"]*)"?|'([^']*)'?|[^\s"']\S*)|"([^"]*)"?|'([^']*)'?|\S+/gy;
	let m;
	for (let at = 0; at < text.length;) {
		while (/\s/.test(text[at] || "")) at++;
		if (at >= text.length) break;
		re.lastIndex = at;
		m = re.exec(text);
		const option = m && text.startsWith("--", at);
		/* a colon makes a filter, a blank only behind -- */
		if (m && m[1] && KEYS[m[1]] && (option || m[2] === ":")) {
			tokens.push([m[1], m[4] ?? m[5] ?? m[3]]);
			at = re.lastIndex;
			continue;
		}
		const w = /"([^"]*)"?|'([^']*)'?|\S+/y;
		w.lastIndex = at;
		m = w.exec(text);
		tokens.push(["", m[1] ?? m[2] ?? m[0]]);
		at = w.lastIndex;
	}
	for (const [key, value] of tokens) addTerm(f, key, value);
	return f;
}

function addTerm(f, key, value) {
	if (key === "") {
		if (value) f.words.push(value.toLowerCase());
	} else if (key === "since" && value.includes("..")) {
		const [from, to] = value.split("..");
		if (from) addTerm(f, "since", from);
		if (to) addTerm(f, "until", to);
	} else if (key === "since" || key === "until") {
		const t = parseTime(value, LAST);
		if (t === undefined) f.faults.push(key + ": “" + value + "” is no time");
		else f[key] = t;
	} else if (key === "grep") {
		try {
			f.grep = new RegExp(value);
		} catch (e) {
			f.faults.push("grep: “" + value + "” is no expression");
		}
	} else {
		const values = key === "type" || key === "severity" || key === "status" ? value.split(",") : [value];
		if (key === "type")
			for (const v of values) if (v !== "all" && !TYPES.includes(v.replace("!", ""))) f.faults.push("type: there are no records of type “" + v + "”");
		if (key === "severity")
			for (const v of values) if (SEVERITY.indexOf(v) < 1) f.faults.push("severity: low, medium, high or critical, not “" + v + "”");
		if (key === "pid" && !/^!?\d+$/.test(value)) f.faults.push("pid: “" + value + "” is no process id");
		(f.terms[key] = f.terms[key] || []).push(...values.filter(Boolean));
	}
}

function isEmpty(f) {
	return f.text === "";
}

/* --- matching, once a name and not once a row --- */

/* A test of dictionary entries, remembered: 0 not asked, 1 no, 2 yes. */
function byName(test) {
	const known = new Uint8Array(D.dict.length);
	return (n) => {
		if (known[n] === 0) known[n] = test(n === 0 ? undefined : D.dict[n]) ? 2 : 1;
		return known[n] === 2;
	};
}

function serverNames(v) {
	return typeof v === "string" ? [v] : ["name", "configured_name", "key", "id"].map((k) => get(v, k)).filter((s) => typeof s === "string");
}

function principalNames(v) {
	const out = ["user", "unit", "container", "cgroup"].map((k) => get(v, k));
	const uid = get(v, "uid");
	if (typeof uid === "number") out.push(String(uid));
	for (const t of list(get(v, "tokens"))) for (const k of ["sub", "client_id", "azp", "fingerprint"]) out.push(get(t, k));
	return out.filter((s) => typeof s === "string");
}

/* What a principal is called, in one word. */
function principalLabel(v) {
	const token = list(get(v, "tokens")).map((t) => str(get(t, "sub")) || str(get(t, "client_id")))[0];
	const user = str(get(v, "user")) || (get(v, "uid") !== undefined ? "uid " + String(get(v, "uid")) : "");
	return [user, token && "“" + token + "”"].filter(Boolean).join(" ");
}

/* Tests of what belongs to a call as a whole, and of what an effect has by itself. */
function compileFilter(f) {
	const t = f.terms, whole = [], own = [];
	const texts = (v) => (typeof v === "string" ? [v] : []);
	const strings = (values) => {
		const pass = patternsTest(values, nameTest);
		return byName((v) => pass(texts(v)));
	};
	if (t.server) {
		const pass = patternsTest(t.server, nameTest), test = byName((v) => pass(serverNames(v)));
		whole.push((i) => test(D.server[i]));
	}
	if (t.tool) {
		const test = strings(t.tool);
		whole.push((i) => test(isCall(i) || D.type[i] === T.TOOL ? D.name[i] : D.type[i] === T.ALERT ? D.aux[i] : 0));
	}
	if (t.method) {
		const test = strings(t.method);
		whole.push((i) => test(isCall(i) ? D.aux[i] : D.type[i] === T.NOTICE ? D.name[i] : 0));
	}
	if (t.principal) {
		const pass = patternsTest(t.principal, nameTest), test = byName((v) => pass(principalNames(v)));
		whole.push((i) => test(D.who[i]));
	}
	if (t.session) {
		const test = strings(t.session);
		whole.push((i) => test(D.type[i] === T.EFFECT ? 0 : D.session[i]));
	}
	if (t.status) {
		const pass = patternsTest(t.status, nameTest);
		whole.push((i) => pass(isCall(i) ? [STATUS[D.status[i]]] : []));
	}
	if (t.host) {
		const pass = patternsTest(t.host, nameTest);
		whole.push((i) => pass([hostOf(i)]));
	}
	if (t.call) {
		const pass = patternsTest(t.call, nameTest);
		whole.push((i) => pass([callId(i), ...list(get(D.text[i], "c")).filter((s) => typeof s === "string")]));
	}
	if (t.alert) {
		const pass = patternsTest(t.alert, nameTest);
		whole.push((i) => pass(D.type[i] === T.ALERT ? texts(D.dict[D.name[i]]) : list(get(D.text[i], "a")).filter((s) => typeof s === "string")));
	}
	if (t.severity) {
		const least = Math.min(...t.severity.map((s) => SEVERITY.indexOf(s)).filter((s) => s > 0));
		whole.push((i) => (D.type[i] === T.ALERT ? D.status[i] >= least : isCall(i) && D.worst[i] >= least));
	}
	if (t.kind) {
		const test = strings(t.kind);
		own.push((i) => D.type[i] === T.EFFECT && test(D.name[i]));
	}
	if (t.target) {
		const pass = patternsTest(t.target, targetTest);
		own.push((i) => (D.type[i] === T.EFFECT || D.type[i] === T.ALERT) && pass(targets(i)));
	}
	if (t.link) {
		const pass = patternsTest(t.link, nameTest);
		own.push((i) => D.type[i] === T.EFFECT && pass([LINKS[D.status[i]]]));
	}
	if (t.confidence) {
		const pass = patternsTest(t.confidence, nameTest);
		own.push((i) => D.type[i] === T.EFFECT && pass([CONFIDENCE[D.conf[i]]]));
	}
	return { whole, own };
}

/* The rows let through, as bytes; without the words, which `hits` (or null) tells by row. */
function matchRows(f, hits) {
	const ok = new Uint8Array(D.n), { whole, own } = compileFilter(f);
	const wanted = f.terms.type && !f.terms.type.includes("all") ? patternsTest(f.terms.type, nameTest) : null;
	const types = wanted && new Set(TYPES.map((_, k) => k).filter((k) => wanted([TYPES[k]])));
	const passes = (tests, i) => tests.every((test) => test(i));
	const inTime = (i) => (f.since === undefined || D.t[i] + (isCall(i) ? D.d[i] : 0) >= f.since) && (f.until === undefined || D.t[i] < f.until);
	/* a call by itself; its effects' own terms and words are looked for below */
	const calls = new Uint8Array(D.n);
	for (let i = 0; i < D.n; i++) if (isCall(i) && passes(whole, i)) calls[i] = 1;
	for (let i = 0; i < D.n; i++) {
		if (isCall(i) || D.type[i] === T.OTHER) continue;
		const c = D.call[i], tied = c >= 0 && D.type[i] !== T.ALERT;
		if (!(tied ? calls[c] : passes(whole, i)) || !passes(own, i) || !inTime(i)) continue;
		if (hits && !hits[i]) continue;
		ok[i] = 1;
		if (tied && own.length > 0 && inTime(c)) ok[c] = 1;
	}
	for (let i = 0; i < D.n; i++)
		if (calls[i] && own.length === 0 && inTime(i) && (!hits || hits[i])) ok[i] = 1;
	if (types) for (let i = 0; i < D.n; i++) if (!types.has(D.type[i])) ok[i] = 0;
	return ok;
}

/* --- words, in whole records --- */

/* Whether a record must be looked at itself. */
function asksRecords(f) {
	return f.words.length > 0 || f.grep !== undefined || f.terms.pid !== undefined;
}

/* Done by such a process, or of such a server or client; an effect is its own process's. */
function pidTest(values) {
	const pass = patternsTest(values, nameTest);
	return (line) => {
		const r = parse(line), own = get(r, "pid");
		const pids = own === undefined ? [get(r, "server", "pid"), get(r, "client", "pid")] : [own];
		return pass([...pids, get(r, "tid")].filter((p) => typeof p === "number").map(String));
	};
}

/*
 * Looks for the words in the texts of all records, a stretch at a time; `step(part)` gives the page air
 * and says whether to go on. Bytes by row; null: it was told to stop.
 */
async function searchRecords(f, step) {
	const hits = new Uint8Array(D.n), decoder = new TextDecoder();
	const ofPid = f.terms.pid ? pidTest(f.terms.pid) : () => true;
	let at = 0;
	for (let c = 0; c < recordBlocks.length; c++) {
		let text, lower;
		try {
			text = decoder.decode(await chunkText(c, false));
		} catch (e) {
			text = "";
		}
		lower = f.words.length ? text.toLowerCase() : text;
		/* most blocks have none of it */
		const may = f.words.every((w) => lower.includes(w)) && (!f.grep || f.grep.source.length > 0);
		const lines = may ? text.split("\n") : [], lowers = may ? lower.split("\n") : [];
		for (let k = 0; at < D.n && D.chunk[at] === c; at++, k++)
			if (may && lines[k] !== undefined && f.words.every((w) => lowers[k].includes(w)) && (!f.grep || f.grep.test(lines[k])) && ofPid(lines[k])) hits[at] = 1;
		if (!(await step((c + 1) / recordBlocks.length))) return null;
	}
	return hits;
}
