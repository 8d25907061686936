// SPDX-License-Identifier: Apache-2.0
// chrome.mjs - one headless Chromium, driven over a pipe by the DevTools protocol

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
	"--disable-sync", "--disable-extensions", "--disable-default-apps", "--hide-scrollbars", "--mute-audio", "--force-color-profile=srgb", "--remote-debugging-pipe"];

export class Chrome {
	constructor() {
		this.dir = mkdtempSync(join(tmpdir(), "mcpwatch-page-"));
		this.child = spawn(process.env.CHROMIUM || "chromium", [...FLAGS, "--user-data-dir=" + this.dir, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
		this.waiting = new Map();
		this.listeners = [];
		this.id = 0;
		this.gone = new Promise((done) => this.child.on("exit", done));
		let rest = Buffer.alloc(0);
		this.child.stdio[4].on("data", (data) => {
			rest = Buffer.concat([rest, data]);
			for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) this.take(JSON.parse(rest.subarray(0, end).toString()));
		});
		this.gone.then(() => {
			for (const w of this.waiting.values()) w.fail(new Error("chromium has ended"));
		});
	}

	take(m) {
		const w = this.waiting.get(m.id);
		if (w) {
			this.waiting.delete(m.id);
			if (m.error) w.fail(new Error(w.method + ": " + m.error.message));
			else w.done(m.result);
		} else {
			for (const l of this.listeners) l(m);
		}
	}

	send(method, params, session) {
		const id = ++this.id;
		this.child.stdio[3].write(JSON.stringify({ id, method, params: params || {}, sessionId: session }) + "\0");
		return new Promise((done, fail) => this.waiting.set(id, { done, fail, method }));
	}

	async page(options) {
		const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
		const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
		const p = new Page(this, sessionId, targetId);
		await p.begin(options || {});
		return p;
	}

	async close() {
		this.send("Browser.close").catch(() => {});
		const late = setTimeout(() => this.child.kill("SIGKILL"), 4000);
		await this.gone;
		clearTimeout(late);
		rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
	}
}

export class Page {
	constructor(chrome, session, target) {
		Object.assign(this, { chrome, session, target, faults: [], requests: [], dialogs: 0, loads: [] });
		chrome.listeners.push((m) => m.sessionId === session && this.event(m));
	}

	event(m) {
		const p = m.params;
		if (m.method === "Runtime.exceptionThrown") this.faults.push("exception: " + (p.exceptionDetails.exception?.description || p.exceptionDetails.text));
		if (m.method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(p.type)) this.faults.push("console: " + JSON.stringify(p.args.map((a) => a.value)));
		if (m.method === "Log.entryAdded" && p.entry.level !== "info" && p.entry.level !== "verbose") this.faults.push("log: " + p.entry.text);
		if (m.method === "Network.requestWillBeSent") this.requests.push(p.request.url);
		if (m.method === "Page.javascriptDialogOpening") {
			this.dialogs++;
			this.send("Page.handleJavaScriptDialog", { accept: false });
		}
		if (m.method === "Page.loadEventFired") for (const l of this.loads.splice(0)) l();
	}

	send(method, params) {
		return this.chrome.send(method, params, this.session);
	}

	async begin({ width = 1280, height = 800, scheme = "light", mobile = false }) {
		await Promise.all(["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"].map((m) => this.send(m)));
		await this.size(width, height, mobile);
		await this.scheme(scheme);
	}

	size(width, height, mobile) {
		return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: !!mobile });
	}

	scheme(value) {
		return this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
	}

	// Opens a file, and waits until the page says that it is ready. Milliseconds from the start of it.
	async open(path, hash) {
		this.requests.length = 0;
		const begin = performance.now();
		await this.send("Page.navigate", { url: "about:blank" });
		await this.send("Page.navigate", { url: "file://" + path + (hash ? "#" + hash : "") });
		await this.until("document.documentElement.dataset.ready !== undefined", 200000, () => this.faults.some((f) => f.startsWith("exception")));
		return performance.now() - begin;
	}

	async eval(expression) {
		const r = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
		if (r.exceptionDetails) throw new Error(expression + ": " + (r.exceptionDetails.exception?.description || r.exceptionDetails.text));
		return r.result.value;
	}

	async until(expression, ms = 90000, hopeless = () => false) {
		const end = performance.now() + ms;
		for (;;) {
			let v;
			try {
				v = await this.eval(expression);
			} catch (e) {
				v = undefined; // between two pages
			}
			if (v) return v;
			if (performance.now() > end || hopeless()) throw new Error("not within " + ms + " ms: " + expression + " " + this.faults.join("; "));
			await new Promise((done) => setTimeout(done, 25));
		}
	}

	async key(key, text) {
		const p = { key, windowsVirtualKeyCode: key.length === 1 ? key.toUpperCase().charCodeAt(0) : { Enter: 13, Escape: 27, ArrowLeft: 37, ArrowRight: 39 }[key] || 0 };
		await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...p, text: text ?? (key.length === 1 ? key : key === "Enter" ? "\r" : undefined) });
		await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...p });
	}

	mouse(type, x, y, more) {
		return this.send("Input.dispatchMouseEvent", { type, x, y, button: "none", ...more });
	}

	async click(x, y) {
		await this.mouse("mouseMoved", x, y);
		await this.mouse("mousePressed", x, y, { button: "left", clickCount: 1 });
		await this.mouse("mouseReleased", x, y, { button: "left", clickCount: 1 });
	}

	async shot(path) {
		await this.eval("new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(d)))");
		writeFileSync(path, Buffer.from((await this.send("Page.captureScreenshot", { format: "png" })).data, "base64"));
	}

	async close() {
		await this.chrome.send("Target.closeTarget", { targetId: this.target });
	}
}
