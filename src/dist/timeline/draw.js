/* SPDX-License-Identifier: Apache-2.0 */
/* draw.js - the lanes and the strip above them: what is in sight, and no more than a mark a place */

const AXIS = 24, ALERTS = 20, GUTTER = 196, NARROW = 760, CELL = 9;

const stage = document.getElementById("lanes"), stripCanvas = document.getElementById("strip");
/* What is looked at: from t0 to t1, lanes from y on; `ok` what the filter lets through (null: all). */
const view = { t0: 0, t1: 1, y: 0, ok: null, selected: -1, hover: -1, w: 0, h: 0, gutter: 0, places: [], height: 0 };
let asked = false;

function redraw() {
	if (asked) return;
	asked = true;
	requestAnimationFrame(() => {
		asked = false;
		drawLanes();
		drawStripWindow();
	});
}

function fitCanvas(canvas) {
	const ratio = devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
	if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
		canvas.width = Math.round(w * ratio);
		canvas.height = Math.round(h * ratio);
	}
	const g = canvas.getContext("2d");
	g.setTransform(ratio, 0, 0, ratio, 0, 0);
	return { g, w, h };
}

function place() {
	const narrow = stage.clientWidth < NARROW;
	view.gutter = narrow ? 0 : GUTTER;
	const p = placeLanes(view.ok, narrow);
	view.places = p.places;
	view.height = p.height;
}

const xOf = (t) => view.gutter + ((t - view.t0) / (view.t1 - view.t0)) * (view.w - view.gutter);
const tOf = (x) => view.t0 + ((x - view.gutter) / (view.w - view.gutter)) * (view.t1 - view.t0);
const top0 = () => AXIS + (alertRows.length ? ALERTS : 0);
const font = (size, weight) => (weight || 400) + " " + size + "px " + FONT;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif";

/* --- time --- */

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500].flatMap((n) => [n, n * 1e3, n * 1e6]).concat([1, 2, 5, 10, 15, 30].map((n) => n * SEC), [1, 2, 5, 10, 15, 30].map((n) => n * MIN), [1, 2, 3, 6, 12].map((n) => n * HOUR), [1, 2, 7, 14, 28, 91, 182, 364, 1820].map((n) => n * DAY)).sort((a, b) => a - b);

function ticks(t0, t1, w) {
	const want = ((t1 - t0) / w) * 118;
	const step = STEPS.find((s) => s >= want) || STEPS[STEPS.length - 1];
	const big = BigInt(step), out = [];
	let at = (absolute(t0) / big) * big;
	for (let k = 0; k < 200; k++, at += big) {
		const t = Number(at - BASE);
		if (t > t1) break;
		if (t >= t0 - step) out.push([t, at]);
	}
	const digits = step >= SEC ? 0 : step >= 1e6 ? 3 : step >= 1e3 ? 6 : 9;
	return { step, list: out, text: (ns) => (step >= DAY ? clock(ns, 0, true).slice(0, 10) : step >= MIN ? clock(ns, 0).slice(0, 5) : clock(ns, digits)) };
}

function drawAxis(g, w, h) {
	const tk = ticks(view.t0, view.t1, w - view.gutter);
	g.font = font(11);
	g.textBaseline = "middle";
	g.textAlign = "left";
	for (const [t, ns] of tk.list) {
		const x = Math.round(xOf(t)) + 0.5;
		if (x < view.gutter) continue;
		g.strokeStyle = C.grid;
		g.lineWidth = 1;
		g.beginPath();
		g.moveTo(x, AXIS - 5);
		g.lineTo(x, h);
		g.stroke();
		g.fillStyle = C.soft;
		if (x + 60 < w || view.gutter === 0) g.fillText(tk.text(ns), x + 4, AXIS / 2 + 1);
	}
	g.fillStyle = C.bg;
	if (view.gutter) g.fillRect(0, 0, view.gutter, AXIS);
	g.strokeStyle = C.line;
	g.beginPath();
	g.moveTo(0, AXIS - 0.5);
	g.lineTo(w, AXIS - 0.5);
	g.stroke();
	if (view.gutter) {
		g.fillStyle = C.soft;
		g.fillText(clock(absolute(view.t0), 0, true).slice(0, 10) + "  UTC", 12, AXIS / 2 + 1);
	}
}

/* --- lanes --- */

function visible(i) {
	return !view.ok || view.ok[i] === 1;
}

function drawBars(g, sub, y, w) {
	const left = view.gutter, n = Math.ceil(w - left) + 1;
	const scale = (w - left) / (view.t1 - view.t0), calls = sub.calls;
	let px = -1, pxEnd = 0, pxAlert = 0, pxBad = 0, pxN = 0, pxStatus = 0;
	/* thin ones that touch become one: as high as their share is what was not well */
	const flush = () => {
		if (px < 0) return;
		const x = left + px, bw = pxEnd - px;
		if (pxN === 1 || pxBad === pxN) drawCall(g, pxStatus, x, y, bw, BAR);
		else {
			drawCall(g, 1, x, y, Math.max(bw, 3), BAR);
			if (pxBad) {
				const h = Math.max(3, (pxBad / pxN) * BAR);
				g.fillStyle = C.panel;
				g.fillRect(x, y + BAR - h - 1, bw, h + 1);
				g.fillStyle = C[STATUS_LOOK[pxStatus].colour];
				g.fillRect(x, y + BAR - h, bw, h);
			}
		}
		if (pxAlert) flag(g, x, y, pxAlert);
		px = -1;
	};
	for (let k = firstEnding(sub, view.t0); k < calls.length; k++) {
		const i = calls[k], t = D.t[i];
		if (t > view.t1) break;
		if (!visible(i)) continue;
		const x0 = Math.max(-4, (t - view.t0) * scale);
		const end = D.status[i] === OPEN ? n + 4 : (t + D.d[i] - view.t0) * scale;
		const x1 = Math.min(n + 4, Math.max(end, x0 + 2));
		if (x1 - x0 > 3) {
			flush();
			drawCall(g, D.status[i], left + x0, y, x1 - x0, BAR);
			if (x1 - x0 > 34) barText(g, i, left + x0, y, x1 - x0);
			if (D.worst[i]) flag(g, left + x0, y, D.worst[i]);
			continue;
		}
		const at = Math.floor(x0);
		if (px < 0 || at > pxEnd || at - px >= 3) {
			flush();
			px = at;
			pxAlert = pxBad = pxN = pxStatus = 0;
		}
		pxEnd = pxN ? Math.max(pxEnd, at + 2) : at + 2;
		pxN++;
		if (D.status[i] !== 1) pxBad++;
		if (GRAVE[D.status[i]] >= GRAVE[pxStatus]) pxStatus = D.status[i];
		pxAlert = Math.max(pxAlert, D.worst[i]);
	}
	flush();
}

/* A call with an alert bears its severity on its corner. */
function flag(g, x, y, severity) {
	g.fillStyle = C[SEVERITY_LOOK[severity].colour];
	g.strokeStyle = C.ink;
	g.lineWidth = 0.8;
	g.beginPath();
	g.moveTo(x, y - 3);
	g.lineTo(x + 3 + severity, y - 3);
	g.lineTo(x, y + 3 + severity);
	g.closePath();
	g.fill();
	g.stroke();
}

function barText(g, i, x, y, w) {
	const from = Math.max(x, view.gutter) + 5, room = Math.min(x + w, view.w) - from - 4;
	if (room < 26) return;
	const text = label(title(i), Math.floor(room / 5) + 1);
	g.save();
	g.beginPath();
	g.rect(from, y, room, BAR);
	g.clip();
	g.font = font(10, 500);
	g.textBaseline = "middle";
	g.direction = "ltr";
	const solid = (STATUS_LOOK[D.status[i]] || STATUS_LOOK[0]).look === "solid";
	if (!solid) {
		g.fillStyle = C.bg;
		g.globalAlpha = 0.82;
		g.fillRect(from - 2, y + 1, Math.min(room, g.measureText(text).width + 4), BAR - 2);
		g.globalAlpha = 1;
	}
	g.fillStyle = solid ? C.panel : C.ink;
	g.fillText(text, from, y + BAR / 2 + 0.5);
	g.restore();
}

/* Marks. Where a few share a place it is the gravest, with a line under it; where many do, a column of
 * their shares, the gravest lowest. */
const FEW = 4, shares = new Uint32Array(16);

function drawShares(g, x, y, r, n) {
	const high = 2 * r + 3;
	let bottom = y + r + 2;
	for (let m = MARKS.length - 1; m >= 0; m--) {
		if (shares[m] === 0) continue;
		const h = Math.max(1.5, (shares[m] / n) * high);
		g.fillStyle = m <= MARK_OF.read ? C.mute : C[MARKS[m].colour];
		g.fillRect(x, Math.max(y - r - 2, bottom - h), CELL - 1, Math.min(h, bottom - (y - r - 2)));
		bottom -= h;
		if (bottom <= y - r - 2) break;
	}
}

function drawMarks(g, marks, y, w, r) {
	const left = view.gutter, scale = (w - left) / (view.t1 - view.t0);
	let cell = -99, best = -1, n = 0, x = 0, weak = true;
	const flush = () => {
		if (best < 0) return;
		g.globalAlpha = weak ? 0.55 : 1;
		if (n > FEW) drawShares(g, left + cell * CELL, y, r, n);
		else {
			drawMark(g, best, x, y, r, false);
			if (n > 1) {
				g.fillStyle = C.soft;
				g.fillRect(x - r, y + r + 1.2, 2 * r, 1);
			}
		}
		g.globalAlpha = 1;
	};
	for (let k = lowerBound(marks, view.t0 - CELL / scale); k < marks.length; k++) {
		const i = marks[k], t = D.t[i];
		if (t > view.t1) break;
		if (!visible(i)) continue;
		const at = (t - view.t0) * scale, c = Math.floor(at / CELL), m = markOf(i);
		if (c !== cell) {
			flush();
			cell = c;
			n = 0;
			best = -1;
			weak = true;
			shares.fill(0);
		}
		n++;
		shares[m]++;
		if (m > best) {
			best = m;
			x = left + at;
		}
		/* shared between calls, or folded start-up noise: not as strong */
		if (D.conf[i] !== 3 && !(D.flags[i] & F.SUMMARY)) weak = false;
	}
	flush();
}

/* All as one area, filled once: where many lie over each other the stripes stay stripes. */
function drawGaps(g, w) {
	const drawn = new Map();
	g.fillStyle = stripes(g, C.hatch, false, 0.12);
	g.beginPath();
	for (const i of gapRows) {
		if (!visible(i) || D.t[i] > view.t1 || D.t[i] + D.d[i] < view.t0) continue;
		const x0 = Math.max(view.gutter, xOf(D.t[i])), x1 = Math.min(w, Math.max(xOf(D.t[i] + D.d[i]), x0 + 5));
		const id = D.server[i] ? serverOf(i).id : "";
		for (const p of view.places) {
			if (!p.lane || p.lane.server.input !== D.input[i] || (id && p.lane.server.id !== id)) continue;
			const y = p.y - view.y + top0(), last = drawn.get(p);
			if (y + p.h <= top0() || y >= view.h || (last && last[0] <= x0 && last[1] >= x1)) continue;
			drawn.set(p, [x0, x1]);
			g.rect(x0, y, x1 - x0, p.h);
		}
	}
	g.fill();
}

function laneLabel(p) {
	return p.lane.kind === "background" ? p.lane.label : "session " + p.lane.label;
}

function drawServerHead(g, p, y, w) {
	const s = p.server, i = s.info;
	g.fillStyle = C.panel;
	g.fillRect(0, y, w, p.h);
	g.strokeStyle = C.line;
	g.beginPath();
	g.moveTo(0, y + 0.5);
	g.lineTo(w, y + 0.5);
	g.stroke();
	g.save();
	g.beginPath();
	g.rect(0, y, w - 8, p.h);
	g.clip();
	g.textBaseline = "middle";
	g.direction = "ltr";
	g.font = font(12, 650);
	g.fillStyle = C.ink;
	const name = label(s.name || keyLabel(s.key) || (s.id ? s.id : "No server"), 60);
	g.fillText(name, 10, y + p.h / 2 + 1);
	let x = 10 + g.measureText(name).width + 10;
	g.font = font(11);
	g.fillStyle = C.soft;
	const facts = [str(get(i, "v")) && "v" + str(get(i, "v")), str(get(i, "p")), str(get(i, "n")) && "client " + str(get(i, "n")), s.calls && plural(s.calls, "call"), list(ABOUT.inputs).length > 1 && hostName(s.input), s.id];
	g.fillText(label(facts.filter(Boolean).join("  ·  "), 200), x, y + p.h / 2 + 1);
	g.restore();
}

function hostName(input) {
	return str(get(list(ABOUT.inputs)[input], "host"));
}

function drawLane(g, p, y, w) {
	const left = view.gutter;
	if (p.lane.kind === "background") {
		g.fillStyle = C.faint;
		g.fillRect(left, y, w - left, p.h);
	}
	g.save();
	g.beginPath();
	g.rect(left, y, w - left, p.h);
	g.clip();
	let at = y + p.head + PAD;
	for (const sub of p.lane.subs) {
		if (at + ROW > top0() && at < view.h) {
			if (p.lane.kind === "background") drawMarks(g, sub.marks, at + 9, w, 4.5);
			else {
				drawBars(g, sub, at, w);
				drawMarks(g, sub.marks, at + BAR + 6.5, w, 4);
			}
		}
		at += ROW;
	}
	g.restore();
	g.font = font(11);
	g.fillStyle = C.soft;
	g.textBaseline = "middle";
	g.direction = "ltr";
	const text = label(laneLabel(p), 60);
	if (p.head) g.fillText(text, 10, y + p.head / 2 + 2);
	else {
		g.save();
		g.beginPath();
		g.rect(0, y, left - 8, p.h);
		g.clip();
		g.fillText(text, 18, y + Math.min(p.h / 2, 16) + 1);
		g.restore();
	}
	g.strokeStyle = C.grid;
	g.beginPath();
	g.moveTo(0, y + p.h - 0.5);
	g.lineTo(w, y + p.h - 0.5);
	g.stroke();
}

/* The place and the middle of a row that is drawn; null: it is in no lane. */
function spot(i) {
	if (D.type[i] === T.ALERT) return { x: xOf(D.t[i]), y: AXIS + ALERTS / 2, w: 0, h: 14 };
	const c = isCall(i) ? i : D.call[i];
	for (const p of view.places) {
		if (!p.lane) continue;
		for (let k = 0; k < p.lane.subs.length; k++) {
			const sub = p.lane.subs[k], list = c >= 0 ? sub.calls : sub.marks, what = c >= 0 ? c : i;
			let m = lowerBound(list, D.t[what]);
			while (m < list.length && D.t[list[m]] === D.t[what] && list[m] !== what) m++;
			if (list[m] !== what) continue;
			const y = p.y + p.head + PAD + k * ROW - view.y + top0();
			const x = xOf(D.t[i]), w = isCall(i) ? Math.max(3, xOf(D.t[i] + D.d[i]) - x) : 0;
			return isCall(i) ? { x, y: y + BAR / 2, w: D.status[i] === OPEN ? view.w - x : w, h: BAR, place: p } : { x, y: y + (c >= 0 ? BAR + 6.5 : 9), w: 0, h: 10, place: p };
		}
	}
	return null;
}

function drawSelected(g) {
	const s = view.selected >= 0 ? spot(view.selected) : null;
	if (!s) return;
	g.save();
	g.beginPath();
	g.rect(view.gutter, AXIS, view.w - view.gutter, view.h - AXIS);
	if (s.place) g.rect(view.gutter, top0(), view.w, view.h);
	g.clip();
	g.strokeStyle = C.select;
	g.lineWidth = 2;
	if (s.w) {
		const x = Math.max(view.gutter - 4, s.x);
		g.strokeRect(x - 2, s.y - s.h / 2 - 2, Math.min(s.x + s.w, view.w + 8) - x + 4, s.h + 4);
	} else {
		g.beginPath();
		g.arc(s.x, s.y, 9, 0, 7);
		g.stroke();
	}
	g.globalAlpha = 0.35;
	g.lineWidth = 1;
	g.setLineDash([2, 3]);
	g.beginPath();
	g.moveTo(Math.round(s.x) + 0.5, AXIS);
	g.lineTo(Math.round(s.x) + 0.5, view.h);
	g.stroke();
	g.restore();
}

function drawAlerts(g, w) {
	if (!alertRows.length) return;
	g.fillStyle = C.bg;
	g.fillRect(0, AXIS, w, ALERTS);
	const scale = (w - view.gutter) / (view.t1 - view.t0);
	const cells = [];
	let cell = -99, severity = 0, x = 0;
	g.save();
	g.beginPath();
	g.rect(view.gutter, AXIS, w - view.gutter, ALERTS);
	g.clip();
	for (let k = lowerBound(alertRows, view.t0 - 15 / scale); k < alertRows.length; k++) {
		const i = alertRows[k];
		if (D.t[i] > view.t1) break;
		if (!visible(i)) continue;
		const at = (D.t[i] - view.t0) * scale, c = Math.floor(at / 15);
		if (c !== cell) {
			if (cell !== -99) cells.push({ severity, x });
			cell = c;
			severity = -1;
		}
		if (D.status[i] > severity) {
			severity = D.status[i];
			x = view.gutter + at;
		}
	}
	if (cell !== -99) cells.push({ severity, x });
	/* where two touch, the graver one is on top */
	for (const a of cells.sort((a, b) => a.severity - b.severity)) drawAlert(g, a.severity, a.x, AXIS + ALERTS / 2);
	g.restore();
	g.font = font(11, 600);
	g.fillStyle = C.ink;
	g.textBaseline = "middle";
	if (view.gutter) g.fillText("Alerts", 10, AXIS + ALERTS / 2 + 1);
	g.strokeStyle = C.line;
	g.lineWidth = 1;
	g.beginPath();
	g.moveTo(0, AXIS + ALERTS - 0.5);
	g.lineTo(w, AXIS + ALERTS - 0.5);
	g.stroke();
}

function drawLanes() {
	const { g, w, h } = fitCanvas(stage);
	/* on paper it is not there */
	if (w === 0 || h === 0) return;
	view.w = w;
	view.h = h;
	view.y = Math.max(0, Math.min(view.y, view.height - (h - top0())));
	g.fillStyle = C.bg;
	g.fillRect(0, 0, w, h);
	drawAxis(g, w, h);
	g.save();
	g.beginPath();
	g.rect(0, top0(), w, h - top0());
	g.clip();
	for (const p of view.places) {
		const y = p.y - view.y + top0();
		if (y + p.h < top0() || y > h) continue;
		if (p.server) drawServerHead(g, p, y, w);
		else drawLane(g, p, y, w);
	}
	drawGaps(g, w);
	if (view.places.length === 0) {
		g.fillStyle = C.soft;
		g.font = font(14);
		g.textAlign = "center";
		g.fillText(D.n ? "Nothing matches the filter." : "There are no records here.", w / 2, h / 2);
		g.textAlign = "left";
	}
	g.restore();
	drawAlerts(g, w);
	drawSelected(g);
	const room = h - top0();
	if (view.height > room) {
		g.fillStyle = C.line;
		g.fillRect(w - 6, top0() + (view.y / view.height) * room, 4, Math.max(20, (room / view.height) * room));
	}
}

/* --- the strip --- */

let stripImage = null;
const STRIP_PAD = 10;
const stripX = (t) => STRIP_PAD + ((t - FIRST) / (LAST - FIRST)) * (stripCanvas.clientWidth - 2 * STRIP_PAD);
const stripT = (x) => FIRST + ((x - STRIP_PAD) / (stripCanvas.clientWidth - 2 * STRIP_PAD)) * (LAST - FIRST);

function drawStrip() {
	const { w, h } = fitCanvas(stripCanvas);
	if (w === 0 || h === 0) return;
	if (!stripImage) stripImage = document.createElement("canvas");
	stripImage.width = stripCanvas.width;
	stripImage.height = stripCanvas.height;
	const g = stripImage.getContext("2d");
	g.scale(stripImage.width / w, stripImage.height / h);
	g.fillStyle = C.panel;
	g.fillRect(0, 0, w, h);
	const n = Math.max(10, Math.floor((w - 2 * STRIP_PAD) / 3)), calls = new Float64Array(n), bad = new Float64Array(n), effects = new Float64Array(n), alerts = new Uint8Array(n);
	for (let i = 0; i < D.n; i++) {
		if (!visible(i)) continue;
		const b = Math.min(n - 1, Math.max(0, Math.floor(((D.t[i] - FIRST) / (LAST - FIRST)) * n)));
		if (isCall(i)) {
			calls[b]++;
			if (D.status[i] !== 1) bad[b]++;
		} else if (D.type[i] === T.EFFECT) effects[b]++;
		else if (D.type[i] === T.ALERT) alerts[b] = Math.max(alerts[b], D.status[i]);
	}
	/* a root: a few calls beside very many stay seen */
	const most = Math.sqrt(Math.max(1, ...calls)), mostEffects = Math.sqrt(Math.max(1, ...effects)), bw = (w - 2 * STRIP_PAD) / n, floor = h - 15, room = floor - 15;
	g.fillStyle = stripes(g, C.hatch, false, 0.15);
	g.beginPath();
	let x0 = 0, x1 = 0;
	for (const i of gapRows) if (visible(i)) {
		const x = stripX(D.t[i]), end = Math.max(x + 3, stripX(D.t[i] + D.d[i]));
		if (x >= x0 && end <= x1) continue;
		[x0, x1] = [x, end];
		g.rect(x, 13, end - x, floor - 13);
	}
	g.fill();
	for (let b = 0; b < n; b++) {
		const x = STRIP_PAD + b * bw, he = effects[b] ? Math.max(1.5, (Math.sqrt(effects[b]) / mostEffects) * room) : 0, hc = calls[b] ? Math.max(2, (Math.sqrt(calls[b]) / most) * room) : 0;
		g.fillStyle = C.line;
		g.fillRect(x, floor - he, bw - 0.5, he);
		g.fillStyle = C.blue;
		g.fillRect(x + 0.5, floor - hc, bw - 1.5, hc);
		if (bad[b]) {
			const hb = Math.max(2, (Math.sqrt(bad[b]) / most) * room);
			g.fillStyle = C.orange;
			g.fillRect(x + 0.5, floor - hb, bw - 1.5, hb);
		}
	}
	/* the gravest first, and no other where one stands */
	const taken = new Uint8Array(n), reach = Math.ceil(10 / bw);
	for (let s = 4; s >= 1; s--)
		for (let b = 0; b < n; b++) {
			if (alerts[b] !== s || taken[b]) continue;
			drawAlert(g, s, STRIP_PAD + (b + 0.5) * bw, 8);
			taken.fill(1, Math.max(0, b - reach), b + reach);
		}
	g.strokeStyle = C.line;
	g.beginPath();
	g.moveTo(STRIP_PAD, floor + 0.5);
	g.lineTo(w - STRIP_PAD, floor + 0.5);
	g.stroke();
	g.font = font(10);
	g.fillStyle = C.soft;
	g.textBaseline = "alphabetic";
	const day = LAST - FIRST > DAY;
	const tk = ticks(FIRST, LAST, w - 2 * STRIP_PAD);
	let from = -99;
	for (const [t, ns] of tk.list) {
		const x = stripX(t), text = day && tk.step < DAY ? clock(ns, 0, true).slice(5, 16) : tk.text(ns), tw = g.measureText(text).width;
		if (x < STRIP_PAD || x + tw > w - 4 || x < from + 10) continue;
		g.fillText(text, x, h - 3);
		from = x + tw;
	}
	drawStripWindow();
}

function drawStripWindow() {
	const g = stripCanvas.getContext("2d"), w = stripCanvas.clientWidth, h = stripCanvas.clientHeight;
	if (!stripImage || w === 0) return;
	g.drawImage(stripImage, 0, 0, w, h);
	const a = Math.max(1, stripX(view.t0)), b = Math.min(w - 1, Math.max(stripX(view.t1), a + 3));
	g.fillStyle = C.bg;
	g.globalAlpha = 0.66;
	g.fillRect(0, 0, a, h);
	g.fillRect(b, 0, w - b, h);
	g.globalAlpha = 1;
	g.strokeStyle = C.accent;
	g.lineWidth = 1.5;
	g.strokeRect(a, 1, b - a, h - 2);
	g.fillStyle = C.accent;
	g.fillRect(a - 2, h / 2 - 8, 4, 16);
	g.fillRect(b - 2, h / 2 - 8, 4, 16);
	stripCanvas.setAttribute("aria-valuetext", when(view.t0, 0) + " to " + when(view.t1, 0));
}

/* --- what is under a point --- */

function nearest(list, t, reach, wanted) {
	let best = -1, dist = reach;
	for (let k = lowerBound(list, t - reach); k < list.length && D.t[list[k]] <= t + reach; k++) {
		const d = Math.abs(D.t[list[k]] - t);
		if (d <= dist && wanted(list[k]) && (best < 0 || d < dist || D.worst[list[k]] > 0)) {
			best = list[k];
			dist = d;
		}
	}
	return best;
}

function hit(x, y) {
	if (x < view.gutter) return -1;
	const t = tOf(x), px = (view.t1 - view.t0) / (view.w - view.gutter);
	if (alertRows.length && y >= AXIS && y < top0()) return nearest(alertRows, t, 8 * px, visible);
	if (y < top0()) return -1;
	for (const p of view.places) {
		const at = p.y - view.y + top0();
		if (!p.lane || y < at || y >= at + p.h) continue;
		const inner = y - at - p.head - PAD;
		if (p.lane.kind === "background") {
			const m = nearest(p.lane.subs[0].marks, t, 7 * px, visible);
			return m >= 0 ? m : gapAt(p, t, px);
		}
		const sub = p.lane.subs[Math.max(0, Math.min(p.lane.subs.length - 1, Math.floor(inner / ROW)))];
		if (inner % ROW > BAR + 1) {
			const m = nearest(sub.marks, t, 6 * px, visible);
			if (m >= 0) return m;
		}
		for (let k = firstEnding(sub, t - 3 * px); k < sub.calls.length && D.t[sub.calls[k]] <= t; k++) {
			const i = sub.calls[k];
			if (visible(i) && (D.status[i] === OPEN || D.t[i] + Math.max(D.d[i], 3 * px) >= t)) return i;
		}
		const c = nearest(sub.calls, t, 3 * px, visible);
		return c >= 0 ? c : gapAt(p, t, px);
	}
	return -1;
}

function gapAt(p, t, px) {
	for (const i of gapRows) {
		const id = D.server[i] ? serverOf(i).id : "";
		if (p.lane.server.input === D.input[i] && (!id || id === p.lane.server.id) && visible(i) && t >= D.t[i] - px && t <= D.t[i] + Math.max(D.d[i], 5 * px)) return i;
	}
	return -1;
}
