// SPDX-License-Identifier: Apache-2.0
// ask.mjs PAGE QUESTIONS: what the timeline's page answers, in a real headless Chromium
//
// QUESTIONS (JSON): "filters" [text for the filter box], "records" [seq]. On stdout one JSON object: "about" (the head's text),
// "filters" {text: what the page counts}, "records" {seq: what the panel says of it}, "faults".

import { Chrome } from "../page/chrome.mjs";

const [html, questions] = process.argv.slice(2), { filters, records } = JSON.parse(questions);
const counts = "document.getElementById('count').textContent";
const detail = "(document.getElementById('detail').hidden ? '' : document.getElementById('detail').innerText)";
const chrome = new Chrome(), said = { filters: {}, records: {} };
try {
	const p = await chrome.page();
	await p.open(html);
	await p.eval("document.querySelector('details.about').open = true");
	said.about = await p.eval("document.querySelector('header').innerText + document.querySelector('details.about').innerText");
	for (const text of filters) {
		await p.eval("{ const f = document.getElementById('filter'); f.value = " + JSON.stringify(text) + "; f.dispatchEvent(new Event('input')); document.getElementById('count').textContent = ''; }");
		said.filters[text] = await p.until("!/^$|Search/.test(" + counts + ") && " + counts);
	}
	for (const seq of records) {
		await p.open(html, "r=" + seq + "@0");
		said.records[seq] = await p.until(detail);
	}
	said.faults = [...p.faults, ...p.requests.filter((u) => !u.startsWith("file://" + html) && u !== "about:blank")];
} finally {
	await chrome.close();
}
console.log(JSON.stringify(said));
