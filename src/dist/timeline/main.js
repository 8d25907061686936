/* SPDX-License-Identifier: Apache-2.0 */
/* main.js - what the reader does: filter, move, select; the address; the start */

const box = document.getElementById("filter"), counter = document.getElementById("count"), tip = document.getElementById("tip");
let filter = { terms: {}, words: [], faults: [], text: "" }, filterRun = 0, order = null, ready = false;

/* --- the window --- */

function setWindow(t0, t1, quiet) {
	const least = 50, whole = LAST - FIRST, margin = whole * 0.02 + 10;
	let w = Math.min(Math.max(t1 - t0, least), whole + 2 * margin);
	let a = t0 + (t1 - t0 - w) / 2;
	a = Math.max(FIRST - margin, Math.min(a, LAST + margin - w));
	view.t0 = a;
	view.t1 = a + w;
	redraw();
	if (!quiet) writeHash();
}

function fitAll() {
	const m = (LAST - FIRST) * 0.01 + 10;
	setWindow(FIRST - m, LAST + m);
}

function zoom(factor, x) {
	const t = x === undefined ? (view.t0 + view.t1) / 2 : tOf(x);
	setWindow(t - (t - view.t0) * factor, t + (view.t1 - t) * factor);
}

function pan(part) {
	const d = (view.t1 - view.t0) * part;
	setWindow(view.t0 + d, view.t1 + d);
}

function scrollLanes(dy) {
	view.y = Math.max(0, Math.min(view.y + dy, view.height - (view.h - top0())));
	redraw();
}

/* Brings a row into sight; `near`: so near that its parts can be told apart. */
function reveal(i, near) {
	const w = view.t1 - view.t0;
	if (near) {
		const d = Math.max(D.d[i], isCall(i) ? 1000 : w / 50) * 1.6;
		setWindow(D.t[i] - d * 0.3, D.t[i] + d);
	} else if (D.t[i] < view.t0 || D.t[i] + Math.min(D.d[i], w / 2) > view.t1) {
		setWindow(D.t[i] - w * 0.3, D.t[i] + w * 0.7);
	}
	const s = spot(i);
	if (s && s.place) {
		if (s.y < top0() + 20) scrollLanes(s.y - top0() - 60);
		else if (s.y > view.h - 24) scrollLanes(s.y - view.h + 80);
	}
	redraw();
}

/* --- selection --- */

function select(i, move) {
	if (i === undefined || i < 0) return;
	view.selected = i;
	tip.hidden = true;
	if (move) reveal(i, false);
	redraw();
	writeHash();
	return showDetail(i);
}

function deselect() {
	view.selected = -1;
	closeDetail();
	resized();
	writeHash();
	stage.focus({ preventScroll: true });
}

/* Rows by time, of one sort. */
function sorted(want) {
	if (!order) {
		const all = [];
		for (let i = 0; i < D.n; i++) if (D.type[i] !== T.OTHER && D.type[i] !== T.SEAL && D.type[i] !== T.TIES && D.type[i] !== T.BODY) all.push(i);
		order = Int32Array.from(all).sort((a, b) => D.t[a] - D.t[b] || a - b);
	}
	return order.filter((i) => visible(i) && want(i));
}

function step(want, by, from) {
	const rows = sorted(want);
	if (rows.length === 0) return;
	const now = from >= 0 ? D.t[from] : by > 0 ? view.t0 - 1 : view.t1 + 1;
	let k = lowerBound(rows, now);
	if (by > 0) {
		while (k < rows.length && D.t[rows[k]] === now && rows[k] <= from) k++;
		select(rows[k < rows.length ? k : 0], true);
	} else {
		while (k < rows.length && D.t[rows[k]] === now && rows[k] < from) k++;
		select(rows[k > 0 ? k - 1 : rows.length - 1], true);
	}
}

const stepCall = (by) => step(isCall, by, view.selected);
const stepAlert = (by) => step((i) => D.type[i] === T.ALERT, by, view.selected);
/* What a filter finds: calls, and where it finds none of them anything else. */
function stepMatch(by) {
	const calls = sorted(isCall).length > 0;
	step(calls && !isEmpty(filter) ? (i) => isCall(i) || D.type[i] === T.ALERT : () => true, by, view.selected);
}

/* --- the filter --- */

function setFilter(text) {
	box.value = text;
	return applyFilter();
}

function tell(ok, state) {
	let calls = 0, open = 0, effects = 0, alerts = 0, others = 0;
	for (let i = 0; i < D.n; i++) {
		if ((ok && !ok[i]) || D.type[i] === T.OTHER) continue;
		if (D.type[i] === T.CALL) calls++;
		else if (D.type[i] === T.REQUEST) open++;
		else if (D.type[i] === T.EFFECT) effects++;
		else if (D.type[i] === T.ALERT) alerts++;
		else others++;
	}
	const parts = [plural(calls, "call"), open ? count(open) + " open" : "", plural(effects, "effect"), alerts ? plural(alerts, "alert") : "", ok && others ? plural(others, "other") : ""];
	counter.textContent = state || (filter.faults.length ? filter.faults[0] : parts.filter(Boolean).join(" · "));
	counter.classList.toggle("fault", filter.faults.length > 0);
}

function showMatches(ok) {
	view.ok = ok;
	place();
	drawStrip();
	redraw();
}

async function applyFilter(quiet) {
	const run = ++filterRun;
	filter = parseFilter(box.value);
	document.body.classList.toggle("filtered", !isEmpty(filter));
	if (!quiet) writeHash();
	if (isEmpty(filter)) {
		showMatches(null);
		tell(null);
		return;
	}
	let hits = null;
	if (asksRecords(filter)) {
		let last = performance.now();
		tell(null, "Searching records …");
		hits = await searchRecords(filter, async (part) => {
			if (performance.now() - last > 40) {
				counter.textContent = "Searching records … " + Math.round(part * 100) + " %";
				await new Promise((done) => setTimeout(done, 0));
				last = performance.now();
			}
			return run === filterRun;
		});
		if (!hits || run !== filterRun) return;
	}
	const ok = matchRows(filter, hits);
	showMatches(ok);
	tell(ok);
}

/* --- the address --- */

let hashWait = 0;

function hashNow() {
	const parts = [];
	if (box.value.trim()) parts.push("f=" + encodeURIComponent(box.value.trim()));
	if (view.t0 > FIRST || view.t1 < LAST) parts.push("w=" + absolute(view.t0) + "-" + absolute(view.t1));
	if (view.selected >= 0) parts.push(isCall(view.selected) && callId(view.selected) ? "call=" + encodeURIComponent(callId(view.selected)) : "r=" + D.seq[view.selected] + "@" + D.input[view.selected]);
	return parts.join("&");
}

function writeHash() {
	if (!ready) return;
	clearTimeout(hashWait);
	hashWait = setTimeout(() => {
		const h = hashNow();
		/* a page from a disk may not be allowed to */
		try {
			history.replaceState(null, "", h ? "#" + h : location.pathname + location.search);
		} catch (e) {
			location.replace("#" + h);
		}
	}, 120);
}

async function readHash() {
	const p = new Map();
	for (const part of location.hash.slice(1).split("&")) {
		const k = part.indexOf("=");
		try {
			if (k > 0) p.set(part.slice(0, k), decodeURIComponent(part.slice(k + 1)));
		} catch (e) {
			/* not one of ours */
		}
	}
	box.value = p.get("f") || "";
	const m = /^(-?\d{1,20})-(-?\d{1,20})$/.exec(p.get("w") || "");
	if (m && BigInt(m[2]) > BigInt(m[1])) setWindow(Number(BigInt(m[1]) - BASE), Number(BigInt(m[2]) - BASE), true);
	else {
		const d = (LAST - FIRST) * 0.01 + 10;
		setWindow(FIRST - d, LAST + d, true);
	}
	await applyFilter(true);
	const r = /^(\d{1,17})@(\d{1,3})$/.exec(p.get("r") || ""), c = p.get("call");
	const i = r ? rowOfSeq(Number(r[2]), r[1]) : c ? callIds()(c) : undefined;
	if (i !== undefined) await select(i, !m);
	else if (!panel.hidden) closeDetail();
}

/* --- pointers --- */

const pointers = new Map();
let drag = null;

function showTip(x, y, i) {
	if (i < 0) {
		tip.hidden = true;
		return;
	}
	const lines = [el("strong", {}, plain(title(i), 110)), when(D.t[i]) + " UTC"];
	if (isCall(i)) lines.push(STATUS_LOOK[D.status[i]].what + (D.status[i] === OPEN ? "" : ", " + took(D.d[i])) + (D.worst[i] ? " · " + SEVERITY[D.worst[i]] + " alert" : ""), plain(principalLabel(D.dict[D.who[i]]), 80));
	else if (D.type[i] === T.EFFECT) lines.push(D.call[i] >= 0 ? "by " + plain(title(D.call[i]), 60) + " · " + LINKS[D.status[i]] + ", " + CONFIDENCE[D.conf[i]] : D.conf[i] === 3 ? "shared by several calls" : "with no call", D.flags[i] & F.FAILED ? "failed: " + plain(name("session", i), 40) : "");
	else if (D.type[i] === T.ALERT) lines.push(SEVERITY[D.status[i]] + " · " + plain(name("name", i), 80));
	else if (D.type[i] === T.GAP && D.d[i]) lines.push(took(D.d[i]));
	tip.replaceChildren(...lines.filter(Boolean).map((l) => el("div", {}, l)));
	tip.hidden = false;
	const w = tip.offsetWidth, h = tip.offsetHeight;
	tip.style.left = Math.max(4, Math.min(x + 14, view.w - w - 4)) + "px";
	tip.style.top = (y + 18 + h > view.h ? Math.max(2, y - h - 10) : y + 18) + "px";
}

function pointAt(e, canvas) {
	const r = canvas.getBoundingClientRect();
	return { x: e.clientX - r.left, y: e.clientY - r.top };
}

function stagePointers() {
	stage.addEventListener("pointerdown", (e) => {
		const p = pointAt(e, stage);
		pointers.set(e.pointerId, p);
		stage.setPointerCapture(e.pointerId);
		drag = { ...p, t0: view.t0, t1: view.t1, scroll: view.y, moved: pointers.size > 1 };
		if (pointers.size === 2) {
			const [a, b] = [...pointers.values()];
			drag.pinch = { gap: Math.max(20, Math.abs(a.x - b.x)), t: tOf((a.x + b.x) / 2) };
		}
	});
	stage.addEventListener("pointermove", (e) => {
		const p = pointAt(e, stage);
		if (!pointers.has(e.pointerId)) {
			const i = hit(p.x, p.y);
			stage.classList.toggle("over", i >= 0);
			if (e.pointerType !== "touch") showTip(p.x, p.y, i);
			return;
		}
		pointers.set(e.pointerId, p);
		if (!drag) return;
		if (Math.hypot(p.x - drag.x, p.y - drag.y) > 4) drag.moved = true;
		if (!drag.moved) return;
		tip.hidden = true;
		if (drag.pinch && pointers.size === 2) {
			const [a, b] = [...pointers.values()], k = drag.pinch.gap / Math.max(20, Math.abs(a.x - b.x));
			const w = (drag.t1 - drag.t0) * k, mid = ((a.x + b.x) / 2 - view.gutter) / (view.w - view.gutter);
			setWindow(drag.pinch.t - w * mid, drag.pinch.t + w * (1 - mid));
		} else if (!drag.pinch) {
			const d = ((drag.x - p.x) / (view.w - view.gutter)) * (drag.t1 - drag.t0);
			if (drag.x >= view.gutter) setWindow(drag.t0 + d, drag.t1 + d);
			view.y = drag.scroll;
			scrollLanes(drag.y - p.y);
		}
	});
	const up = (e) => {
		const p = pointAt(e, stage);
		pointers.delete(e.pointerId);
		if (drag && !drag.moved && e.type === "pointerup") {
			const i = hit(p.x, p.y);
			if (i >= 0) select(i, false);
			else if (view.selected >= 0) deselect();
		}
		if (pointers.size === 0) drag = null;
	};
	stage.addEventListener("pointerup", up);
	stage.addEventListener("pointercancel", up);
	stage.addEventListener("pointerleave", () => showTip(0, 0, -1));
	stage.addEventListener("dblclick", (e) => zoom(0.25, pointAt(e, stage).x));
	stage.addEventListener("wheel", (e) => {
		e.preventDefault();
		const p = pointAt(e, stage), unit = e.deltaMode === 1 ? 16 : e.deltaMode === 2 ? 400 : 1;
		tip.hidden = true;
		if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan(((e.deltaX || e.deltaY) * unit) / (view.w - view.gutter));
		else if ((p.x < view.gutter || p.x > view.w - 12) && !e.ctrlKey) scrollLanes(e.deltaY * unit);
		else zoom(Math.exp(Math.max(-1, Math.min(1, e.deltaY * unit * (e.ctrlKey ? 0.01 : 0.002)))), Math.max(view.gutter, p.x));
	}, { passive: false });
}

function stripPointers() {
	let grip = null;
	const edge = 7;
	const where = (x) => {
		const a = stripX(view.t0), b = stripX(view.t1), reach = Math.min(edge, Math.max(3, (b - a) / 3));
		return Math.abs(x - a) <= reach ? "a" : Math.abs(x - b) <= reach ? "b" : x > a && x < b ? "move" : "new";
	};
	stripCanvas.addEventListener("pointerdown", (e) => {
		const x = pointAt(e, stripCanvas).x;
		stripCanvas.setPointerCapture(e.pointerId);
		grip = { what: where(x), x, t0: view.t0, t1: view.t1 };
	});
	stripCanvas.addEventListener("pointermove", (e) => {
		const x = pointAt(e, stripCanvas).x;
		if (!grip) {
			const w = where(x);
			stripCanvas.style.cursor = w === "move" ? "grab" : w === "new" ? "crosshair" : "ew-resize";
			return;
		}
		const t = stripT(x), d = t - stripT(grip.x);
		if (grip.what === "move") setWindow(grip.t0 + d, grip.t1 + d);
		else if (grip.what === "a") setWindow(Math.min(grip.t0 + d, grip.t1 - 50), grip.t1);
		else if (grip.what === "b") setWindow(grip.t0, Math.max(grip.t1 + d, grip.t0 + 50));
		else if (Math.abs(x - grip.x) > 3) setWindow(Math.min(t, stripT(grip.x)), Math.max(t, stripT(grip.x)));
	});
	const up = (e) => {
		const x = pointAt(e, stripCanvas).x;
		if (grip && grip.what === "new" && Math.abs(x - grip.x) <= 3) {
			const w = view.t1 - view.t0;
			setWindow(stripT(x) - w / 2, stripT(x) + w / 2);
		}
		grip = null;
	};
	stripCanvas.addEventListener("pointerup", up);
	stripCanvas.addEventListener("pointercancel", up);
	stripCanvas.addEventListener("dblclick", fitAll);
	stripCanvas.addEventListener("wheel", (e) => {
		e.preventDefault();
		const t = stripT(pointAt(e, stripCanvas).x), f = Math.exp(Math.max(-1, Math.min(1, e.deltaY * 0.002)));
		setWindow(t - (t - view.t0) * f, t + (view.t1 - t) * f);
	}, { passive: false });
}

/* --- keys --- */

const KEYMAP = {
	ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), ArrowUp: () => scrollLanes(-60), ArrowDown: () => scrollLanes(60),
	PageUp: () => scrollLanes(-view.h / 2), PageDown: () => scrollLanes(view.h / 2), Home: () => setWindow(FIRST, FIRST + view.t1 - view.t0), End: () => setWindow(LAST - view.t1 + view.t0, LAST),
	"+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), "0": fitAll,
	n: () => stepMatch(1), p: () => stepMatch(-1), N: () => stepMatch(-1), j: () => stepCall(1), k: () => stepCall(-1), a: () => stepAlert(1), A: () => stepAlert(-1),
	"/": () => {
		box.focus();
		box.select();
	},
	"?": () => document.getElementById("helpbox").showModal(),
	Enter: () => {
		if (view.selected < 0) stepMatch(1);
		else {
			showDetail(view.selected).then(() => panel.querySelector("button.close").focus());
			reveal(view.selected, true);
		}
	},
	Escape: () => {
		if (!panel.hidden || view.selected >= 0) deselect();
		else if (box.value) setFilter("");
	},
};

function keys(e) {
	if (e.ctrlKey || e.metaKey || e.altKey || document.getElementById("helpbox").open) return;
	const at = e.target;
	if (at === box) {
		if (e.key === "Enter") {
			e.preventDefault();
			applyFilter().then(() => stepMatch(1));
			stage.focus();
		} else if (e.key === "Escape") {
			if (box.value) setFilter("");
			else stage.focus();
			e.preventDefault();
		}
		return;
	}
	if (at.closest && at.closest("button, summary") && (e.key === "Enter" || e.key === " ")) return;
	if (at.closest && at.closest("#detail, #head, pre") && /^(Arrow|Page|Home|End)/.test(e.key)) return;
	const f = KEYMAP[e.key];
	if (f && ready) {
		e.preventDefault();
		f();
	}
}

/* --- looks --- */

function setTheme(theme) {
	if (theme) document.documentElement.dataset.theme = theme;
	const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
	document.getElementById("theme").textContent = dark ? "Light" : "Dark";
	readColours();
	buildHead();
	buildLegend();
	if (ready) {
		drawStrip();
		redraw();
		if (!panel.hidden) showDetail(view.selected);
	}
}

function resized() {
	if (!ready) return;
	place();
	drawStrip();
	redraw();
}

function listen() {
	stagePointers();
	stripPointers();
	document.addEventListener("keydown", keys);
	let wait = 0;
	box.addEventListener("input", () => {
		clearTimeout(wait);
		wait = setTimeout(applyFilter, 180);
	});
	document.getElementById("bar").addEventListener("submit", (e) => e.preventDefault());
	const on = (id, f) => document.getElementById(id).addEventListener("click", f);
	on("prev", () => stepMatch(-1));
	on("next", () => stepMatch(1));
	on("out", () => zoom(1 / 0.6));
	on("in", () => zoom(0.6));
	on("fit", fitAll);
	on("help", () => document.getElementById("helpbox").showModal());
	on("print", () => {
		buildPaper();
		print();
	});
	on("theme", () => setTheme(document.getElementById("theme").textContent === "Dark" ? "dark" : "light"));
	addEventListener("beforeprint", buildPaper);
	addEventListener("hashchange", () => {
		if (location.hash.slice(1) !== hashNow()) readHash();
	});
	new ResizeObserver(resized).observe(stage);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(document.documentElement.dataset.theme));
}

async function start() {
	counter.textContent = "Reading …";
	await loadRows((part) => {
		counter.textContent = "Reading … " + Math.round(part * 100) + " %";
	});
	buildLanes();
	if (D.faults.length) document.getElementById("faults").replaceChildren(...D.faults.map((f) => el("p", {}, f)));
	listen();
	place();
	view.w = stage.clientWidth;
	view.h = stage.clientHeight;
	ready = true;
	await readHash();
	document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

setTheme("");
buildHelp();
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
