/* SPDX-License-Identifier: Apache-2.0 */
/* marks.js - what stands for what: shapes first, colours (Okabe and Ito) second */

let C = {};

function readColours() {
	const css = getComputedStyle(document.documentElement);
	C = {};
	for (const k of ["bg", "panel", "ink", "soft", "faint", "line", "grid", "accent", "blue", "sky", "green", "orange", "red", "purple", "yellow", "grey", "hatch", "select", "mute"])
		C[k] = css.getPropertyValue("--" + k).trim();
	patterns.clear();
}

/* Kinds of effects, from mild to grave: where several share a place, the gravest is drawn. */
const MARKS = [
	{ key: "event", what: "event of the log", colour: "soft" },
	{ key: "read", what: "file read", colour: "soft" },
	{ key: "process", what: "process", colour: "purple" },
	{ key: "write", what: "file written", colour: "green" },
	{ key: "net", what: "network", colour: "sky" },
	{ key: "db", what: "database", colour: "orange" },
	{ key: "kernel", what: "kernel", colour: "ink" },
	{ key: "delete", what: "file deleted", colour: "red" },
	{ key: "odd", what: "anomaly", colour: "red" },
];
const MARK_OF = Object.fromEntries(MARKS.map((m, i) => [m.key, i]));
const WRITES = new Set(["file.rename", "file.truncate", "file.chmod", "file.chown", "file.link", "file.symlink", "file.mkdir", "file.mknod", "file.utimes", "file.xattr", "file.mount", "file.umount"]);
let markByKind = [];

function markKind(kind, mode) {
	if (kind === "file.delete" || kind === "file.rmdir") return MARK_OF.delete;
	if (kind === "file.open") return /w|a|\+/.test(mode) ? MARK_OF.write : MARK_OF.read;
	if (WRITES.has(kind)) return MARK_OF.write;
	if (kind.startsWith("file.")) return MARK_OF.read;
	if (kind.startsWith("proc.")) return MARK_OF.process;
	if (kind.startsWith("net.")) return MARK_OF.net;
	if (kind.startsWith("db.")) return MARK_OF.db;
	return kind.startsWith("kernel.") ? MARK_OF.kernel : MARK_OF.event;
}

function markOf(i) {
	if (D.type[i] === T.ANOMALY) return MARK_OF.odd;
	if (D.type[i] !== T.EFFECT) return MARK_OF.event;
	const n = D.name[i], m = D.aux[i];
	if (!markByKind[n]) markByKind[n] = [];
	const row = markByKind[n];
	if (row[m] === undefined) row[m] = markKind(str(D.dict[n]), str(D.dict[m]));
	return row[m];
}

/* A mark around (x, y), r its half width. */
function drawMark(g, mark, x, y, r, hollow) {
	const c = C[MARKS[mark].colour];
	g.strokeStyle = g.fillStyle = c;
	g.lineWidth = 1.4;
	g.beginPath();
	switch (MARKS[mark].key) {
	case "read":
		g.arc(x, y, r - 0.8, 0, 7);
		g.stroke();
		return;
	case "write":
		g.rect(x - r + 0.7, y - r + 0.7, 2 * r - 1.4, 2 * r - 1.4);
		break;
	case "delete":
		g.moveTo(x - r, y - r);
		g.lineTo(x + r, y + r);
		g.moveTo(x + r, y - r);
		g.lineTo(x - r, y + r);
		g.lineWidth = 2.2;
		g.stroke();
		return;
	case "process":
		g.moveTo(x, y - r);
		g.lineTo(x + r, y + r - 0.5);
		g.lineTo(x - r, y + r - 0.5);
		g.closePath();
		break;
	case "net":
		g.moveTo(x, y - r - 0.5);
		g.lineTo(x + r + 0.5, y);
		g.lineTo(x, y + r + 0.5);
		g.lineTo(x - r - 0.5, y);
		g.closePath();
		break;
	case "db":
		g.rect(x - r, y - r + 0.5, 2 * r, 1.8);
		g.rect(x - r, y - 0.9, 2 * r, 1.8);
		g.rect(x - r, y + r - 2.3, 2 * r, 1.8);
		break;
	case "kernel":
		g.rect(x - 1.2, y - r, 2.4, 2 * r);
		g.rect(x - r, y - 1.2, 2 * r, 2.4);
		break;
	case "odd":
		g.rect(x - 1, y - r, 2, 2 * r - 2.6);
		g.rect(x - 1, y + r - 1.8, 2, 1.8);
		break;
	default:
		g.rect(x - 0.7, y - r, 1.4, 2 * r);
	}
	if (hollow) g.stroke();
	else g.fill();
}

/* --- calls --- */

const STATUS_LOOK = [
	{ what: "unknown", colour: "grey", look: "outline" },
	{ what: "ok", colour: "blue", look: "solid" },
	{ what: "tool error", colour: "orange", look: "stripes" },
	{ what: "protocol error", colour: "red", look: "cross" },
	{ what: "cancelled", colour: "grey", look: "outline" },
	{ what: "no response", colour: "purple", look: "dashed" },
	{ what: "lost", colour: "ink", look: "stripes" },
	{ what: "open", colour: "sky", look: "dashed" },
];
/* Where several share a place the first of these is drawn. */
const GRAVE = [0, 1, 5, 6, 2, 3, 4, 2];

const patterns = new Map();

/* Stripes of a colour over a weaker ground. */
function stripes(g, colour, cross, ground) {
	const key = colour + cross + ground;
	let p = patterns.get(key);
	if (!p) {
		const tile = document.createElement("canvas"), t = tile.getContext("2d");
		tile.width = tile.height = 6;
		t.globalAlpha = ground;
		t.fillStyle = colour;
		t.fillRect(0, 0, 6, 6);
		t.globalAlpha = 1;
		t.strokeStyle = colour;
		t.lineWidth = 1.5;
		t.beginPath();
		for (const d of [-6, 0, 6]) {
			t.moveTo(d, 6);
			t.lineTo(d + 6, 0);
			if (cross) {
				t.moveTo(d, 0);
				t.lineTo(d + 6, 6);
			}
		}
		t.stroke();
		p = g.createPattern(tile, "repeat");
		patterns.set(key, p);
	}
	return p;
}

function drawCall(g, status, x, y, w, h) {
	const s = STATUS_LOOK[status] || STATUS_LOOK[0], c = C[s.colour];
	if (s.look === "solid" || w < 3) {
		g.fillStyle = c;
		/* what is not well is taller, so it is seen without its colour */
		const less = s.look === "solid" && w < 3 ? 3 : 0;
		g.fillRect(x, y + less, Math.max(w, 1), h - less);
		return;
	}
	if (s.look === "stripes" || s.look === "cross") {
		g.fillStyle = stripes(g, c, s.look === "cross", 0.3);
		g.fillRect(x, y, w, h);
	}
	g.strokeStyle = c;
	g.lineWidth = 1;
	g.setLineDash(s.look === "dashed" ? [3, 2] : []);
	g.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1, 1), h - 1);
	g.setLineDash([]);
}

/* --- alerts --- */

const SEVERITY_LOOK = [
	{ what: "unknown", colour: "grey", r: 4 },
	{ what: "low", colour: "sky", r: 3.5 },
	{ what: "medium", colour: "yellow", r: 4.5 },
	{ what: "high", colour: "orange", r: 5.5 },
	{ what: "critical", colour: "red", r: 6.5 },
];

function drawAlert(g, severity, x, y) {
	const s = SEVERITY_LOOK[severity] || SEVERITY_LOOK[0], r = s.r;
	g.beginPath();
	if (severity === 4) {
		for (let k = 0; k < 8; k++) g.lineTo(x + r * Math.cos(Math.PI * (k / 4 + 0.125)), y + r * Math.sin(Math.PI * (k / 4 + 0.125)));
		g.closePath();
	} else if (severity === 3) {
		g.moveTo(x, y - r);
		g.lineTo(x + r, y + r * 0.8);
		g.lineTo(x - r, y + r * 0.8);
		g.closePath();
	} else if (severity === 2) {
		g.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
	} else {
		g.arc(x, y, r, 0, 7);
	}
	g.fillStyle = C[s.colour];
	g.fill();
	g.strokeStyle = C.ink;
	g.lineWidth = 0.8;
	g.stroke();
	if (severity === 4) {
		g.fillStyle = "#fff";
		g.fillRect(x - 1, y - 4, 2, 5);
		g.fillRect(x - 1, y + 2, 2, 2);
	}
}

/* A small picture of a mark, for legends and lists. */
function icon(draw, w, h) {
	const c = el("canvas", { class: "icon", "aria-hidden": "true" }), ratio = Math.max(2, devicePixelRatio || 1);
	c.width = w * ratio;
	c.height = h * ratio;
	c.style.width = w + "px";
	c.style.height = h + "px";
	const g = c.getContext("2d");
	g.scale(ratio, ratio);
	draw(g);
	return c;
}

const markIcon = (i) => icon((g) => drawMark(g, markOf(i), 7, 7, 4.5, false), 14, 14);
const alertIcon = (severity) => icon((g) => drawAlert(g, severity, 8, 8), 16, 16);
const statusIcon = (status) => icon((g) => drawCall(g, status, 1, 3, 16, 9), 18, 14);
