/* SPDX-License-Identifier: Apache-2.0 */
/* layout.js - lanes: a server's sessions, its calls one below the other where they overlap, and what it
 * did with no call open */

const DEPTH_MAX = 12;
const BAR = 12, MARK = 11, ROW = BAR + MARK + 3, HEAD = 22, NOTE = 15, PAD = 4;

let servers = [];
let alertRows = new Int32Array(0), gapRows = [], eventRows = new Int32Array(0);
let FIRST = 0, LAST = 1; /* what the rows cover */

function serverOf(i) {
	const v = D.dict[D.server[i]];
	return { id: typeof v === "string" ? v : str(get(v, "id")) || str(get(v, "key")), v };
}

/* "/usr/bin/python3 /srv/files.py uid=0" says "files.py". */
function keyLabel(key) {
	const words = key.replace(/ uid=\d+$/, "").split(" ");
	return (words[1] || words[0] || "").split("/").pop();
}

function buildLanes() {
	const known = new Map(), byDict = new Map();
	const find = (i) => {
		const quick = D.server[i] * 256 + D.input[i];
		let s = byDict.get(quick);
		if (s) return s;
		const { id, v } = serverOf(i), key = D.input[i] + "\u0000" + id;
		s = known.get(key);
		if (!s) {
			s = { id, input: D.input[i], name: "", key: "", info: null, sessions: new Map(), loose: [], lanes: [], calls: 0 };
			known.set(key, s);
			servers.push(s);
		}
		s.name = str(get(v, "configured_name")) || str(get(v, "name")) || s.name;
		s.key = str(get(v, "key")) || s.key;
		byDict.set(quick, s);
		return s;
	};
	const alerts = [];
	let first = Infinity, last = -Infinity;
	for (let i = 0; i < D.n; i++) {
		const ty = D.type[i];
		if (ty === T.OTHER || ty === T.BODY || ty === T.TIES || ty === T.SEAL) continue;
		first = Math.min(first, D.t[i]);
		last = Math.max(last, D.t[i] + D.d[i]);
		if (ty === T.ALERT) alerts.push(i);
		else if (ty === T.GAP) gapRows.push(i);
		else if (isCall(i)) {
			const s = find(i), key = D.session[i];
			s.calls++;
			if (!s.sessions.has(key)) s.sessions.set(key, []);
			s.sessions.get(key).push(i);
		} else if (D.call[i] < 0) {
			const s = find(i);
			s.loose.push(i);
			if (ty === T.SERVER && D.text[i]) s.info = D.text[i];
		}
	}
	if (first <= last) {
		FIRST = first;
		LAST = Math.max(last, first + 1);
	}
	const byTime = (a, b) => D.t[a] - D.t[b] || a - b;
	alertRows = Int32Array.from(alerts.sort(byTime));
	for (const s of servers) {
		for (const [key, calls] of s.sessions) s.lanes.push(sessionLane(s, key, calls.sort(byTime)));
		s.lanes.sort((a, b) => D.t[a.subs[0].calls[0]] - D.t[b.subs[0].calls[0]]);
		if (s.loose.length)
			s.lanes.push({ server: s, kind: "background", label: s.id ? "background" : "processes of no server", subs: [{ calls: new Int32Array(0), marks: Int32Array.from(s.loose.sort(byTime)) }] });
		s.sessions = s.loose = null;
	}
	/* what belongs to no server comes last */
	servers = servers.filter((s) => s.lanes.length);
	servers.sort((a, b) => (a.id === "") - (b.id === "") || a.input - b.input);
}

function sessionLane(s, session, calls) {
	const ends = [], subs = [];
	for (const c of calls) {
		let k = ends.findIndex((e) => e <= D.t[c]);
		if (k < 0) k = ends.length < DEPTH_MAX ? ends.length : ends.indexOf(Math.min(...ends));
		if (k === ends.length) subs.push({ calls: [], marks: [] });
		/* a call without an end is open to the end */
		ends[k] = D.status[c] === OPEN ? Infinity : Math.max(ends[k] || -Infinity, D.t[c] + D.d[c]);
		subs[k].calls.push(c);
	}
	for (const sub of subs) {
		const marks = [];
		for (const c of sub.calls)
			for (let e = D.first[c]; e >= 0; e = D.next[e]) if (D.type[e] === T.EFFECT || D.type[e] === T.ANOMALY || D.type[e] === T.NOTICE) marks.push(e);
		marks.sort((a, b) => D.t[a] - D.t[b] || a - b);
		sub.calls = Int32Array.from(sub.calls);
		sub.marks = Int32Array.from(marks);
		/* how far it and all before it reach */
		sub.reach = new Float64Array(sub.calls.length);
		let reach = -Infinity;
		sub.calls.forEach((c, k) => {
			reach = Math.max(reach, D.status[c] === OPEN ? Infinity : D.t[c] + D.d[c]);
			sub.reach[k] = reach;
		});
	}
	const v = D.dict[session];
	return { server: s, kind: "session", label: typeof v === "string" ? v : session === 1 ? "other sessions" : "no session", subs };
}

/* Where each lane stands, from 0; lanes that have nothing let through are left out. `narrow`: a lane's
 * name stands above it. Gives [{y, h, server | lane}] and the height of all. */
function placeLanes(ok, narrow) {
	const out = [];
	let y = 0;
	const shown = (list) => {
		for (let k = 0; k < list.length; k++) if (ok[list[k]]) return true;
		return false;
	};
	for (const s of servers) {
		const lanes = ok ? s.lanes.filter((l) => l.subs.some((sub) => shown(sub.calls) || shown(sub.marks))) : s.lanes;
		if (lanes.length === 0) continue;
		out.push({ y, h: HEAD, server: s });
		y += HEAD;
		for (const lane of lanes) {
			const head = narrow ? NOTE : 0, h = head + PAD + (lane.kind === "background" ? MARK + 9 : lane.subs.length * ROW) + PAD;
			out.push({ y, h, head, lane });
			y += h;
		}
	}
	return { places: out, height: y };
}

/* The first of a list, sorted by time, that is not before t. */
function lowerBound(list, t) {
	let a = 0, b = list.length;
	while (a < b) {
		const m = (a + b) >> 1;
		if (D.t[list[m]] < t) a = m + 1;
		else b = m;
	}
	return a;
}

/* Of a row of calls the first that may reach behind t. */
function firstEnding(sub, t) {
	let a = 0, b = sub.reach.length;
	while (a < b) {
		const m = (a + b) >> 1;
		if (sub.reach[m] < t) a = m + 1;
		else b = m;
	}
	return a;
}
