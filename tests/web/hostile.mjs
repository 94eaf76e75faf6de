// SPDX-License-Identifier: EUPL-1.2
// Text from outside is never code: script in every field that a person or a machine can write, and the corpus of naughty
// strings, are sent to the desk; then every screen is opened and looked through. Nothing may run, nothing may complain, the
// house stays whole, and no answer is a fault of the server. TAP on standard output.
//
//   KHIEN_URL, KHIEN_SETUP_URL as in story.mjs; KHIEN_KEY: of an operator; KHIEN_SYSLOG: port of its UDP door; KHIEN_SHARED: where the corpora are
import { createSocket } from "node:dgram";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chapter, done, must, ok } from "./browser.mjs";
import { base, choose, close, comeIn, context, faults, page, password } from "./house.mjs";

const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const shared = [process.env.KHIEN_SHARED, join(here, "../../../shared")].find((p) => p && existsSync(join(p, "corpora/naughty-strings/blns.json")));

/* ---- what is sent ---- */

const call = "owned()";
const vectors = [
	`<script>${call}</script>`, `"><script>${call}</script>`, `'><script>${call}</script>`, `</textarea><script>${call}</script>`,
	`</script><script>${call}</script>`, `<img src=x onerror=${call}>`, `"><img src=x onerror="${call}">`, `<svg onload=${call}>`,
	`<svg><script>${call}</script></svg>`, `<body onload=${call}>`, `<iframe src="javascript:parent.${call}"></iframe>`,
	`<iframe srcdoc="<script>parent.${call}</script>"></iframe>`, `<a href="javascript:${call}" id=evil>x</a>`, `javascript:${call}`,
	`JaVaScRiPt:${call}//`, `java\tscript:${call}`, `data:text/html,<script>${call}</script>`, `" autofocus onfocus="${call}" x="`,
	`' onmouseover='${call}`, `<details open ontoggle=${call}>`, `<input autofocus onfocus=${call}>`, `<video><source onerror=${call}></video>`,
	`<math><mi xlink:href="javascript:${call}">x</mi></math>`, `<style>@import "javascript:${call}"</style>`, `<style>*{display:none!important}</style>`,
	`<base href="https://evil.example/">`, `<meta http-equiv=refresh content="0;url=https://evil.example/">`, `<form action=https://evil.example><button>x`,
	`<object data="javascript:${call}">`, `<embed src="javascript:${call}">`, `{{constructor.constructor('${call}')()}}`, `\${${call}}`,
	`{@html "<img src=x onerror=${call}>"}`, `<template><script>${call}</script></template>`, `<noscript><p title="</noscript><img src=x onerror=${call}>">`,
	`<!--><img src=x onerror=${call}>-->`, `<![CDATA[<img src=x onerror=${call}>]]>`, `&lt;script&gt;${call}&lt;/script&gt;`, `%3Cscript%3E${call}%3C/script%3E`,
	`\\u003cscript\\u003e${call}\\u003c/script\\u003e`, `<img src="x\` onerror=${call}">`, `\u202e<script>${call}</script>`, `\u2028${call}\u2029`,
	`=HYPERLINK("https://evil.example","x")`, `+cmd|' /C calc'!A0`, `@SUM(1+1)`, `-2+3`, `\u001b[31mred\u001b[0m`, `<b id=location>x</b>`,
];
const naughty = shared ? JSON.parse(readFileSync(join(shared, "corpora/naughty-strings/blns.json"), "utf8")).filter((s) => s.length) : [];
if (!naughty.length) console.log("# the corpus of naughty strings is not here: only our own are sent");
// A field takes so many bytes; a letter is never cut in two.
const cut = (text, bytes) => {
	let out = text;
	while (Buffer.byteLength(out) > bytes) out = out.slice(0, -1);
	return out.isWellFormed?.() === false ? out.slice(0, -1) : out;
};

/** What can be made through the API: where, which fields take text, what else is asked for; at most how many, where each
 * costs a password's hash or a new set of rules. */
const far = () => Date.now() + 30 * 86_400_000;
const nouns = [
	{ path: "organisations", text: ["name"], rest: (n) => ({ id: `o-${n}`, kind: "commune" }) },
	{ path: "organisations/o-0/contacts", text: ["name", "role", "phone"], rest: () => ({}) },
	{ path: "systems", text: ["name"], rest: (n) => ({ id: `s-${n}`, organisation: "o-0", level: 1 + (n % 5) }) },
	{ path: "systems/s-0/applications", text: ["name", "vendor", "release", "note"], rest: () => ({ exposure: "internet" }) },
	{ path: "systems/s-0/devices", text: ["name", "serial", "place", "source", "cleared_by", "note"], rest: () => ({ origin: "donated" }) },
	{ path: "systems/s-0/licences", text: ["subject", "issuer", "number", "note"], rest: () => ({ kind: "software", until_day: "2027-01-01" }) },
	{ path: "systems/s-0/layers", text: ["evidence", "number"], rest: (n) => ({ layer: String(1 + (n % 4)), state: "planned" }) },
	{ path: "systems/s-0/levels", text: ["number", "note"], rest: (n) => ({ level: 2, day: `20${String(17 + (n % 9))}-0${1 + (n % 9)}-${10 + (n % 18)}` }) },
	{ path: "systems/s-0/parties", text: ["note"], rest: (n) => ({ role: "provider", organisation: "o-0", from_day: "2026-01-01" }) },
	{ path: "exceptions", text: ["reason", "value"], most: 60, rest: () => ({ rule: "", until_ms: far() }), shape: (b, rule) => ({ rule, reason: b.reason, until_ms: b.until_ms, fields: [{ name: "host.name", value: b.value }] }) },
	{ path: "indicators", text: ["note", "reference", "source"], rest: (n) => ({ kind: "domain", value: `evil${n}.example.net` }) },
	{ path: "api-keys", text: ["name"], rest: () => ({ role: "analyst", until_ms: far(), password }), person: true, few: true, most: 16 },
	{ path: "files", text: ["name"], rest: () => ({ size: 3 }), few: true },
	{ path: "rules", text: ["title", "description", "author"], rest: (n) => ({ n }), shape: (b) => ({ on: false, text: `title: ${JSON.stringify(b.title)}\nid: hostile-${b.n}\ndescription: ${JSON.stringify(b.description)}\nauthor: ${JSON.stringify(b.author)}\nlevel: low\nlogsource: {product: linux}\ndetection:\n  a: [nothing${b.n}]\n  condition: a\n` }), few: true, most: 30 },
	{ path: "lookbacks", text: ["title"], rest: () => ({ kind: "draft", from_ms: Date.now() - 3_600_000, to_ms: Date.now() }), shape: (b) => ({ ...b, title: undefined, text: `title: ${JSON.stringify(b.title)}\nlevel: low\nlogsource: {product: linux}\ndetection:\n  a: [x]\n  condition: a\n` }), few: true },
	{ path: "sweeps", text: ["folder"], rest: () => ({}) },
	{ path: "people", text: ["name"], rest: (n) => ({ login: `p-${n}`, role: "analyst" }) },
	{ path: "roles", text: ["title_vi", "title_en"], rest: (n) => ({ id: `r_${n}`, rights: ["alert_read"] }) },
];

/** Bodies of a noun: each vector once in each field, and a quarter of the naughty strings, so that all four quarters come to some. */
function bodies(noun, rule) {
	const made = [];
	const put = (texts) => {
		const body = noun.rest(made.length);
		noun.text.forEach((field, i) => (body[field] = cut(texts[i % texts.length], 120)));
		made.push(noun.shape ? noun.shape(body, rule) : body);
	};
	for (let i = 0; i < vectors.length; i++)
		for (let turn = 0; turn < (noun.few ? 1 : noun.text.length); turn++) put(noun.text.map((_, f) => vectors[(i + f + turn) % vectors.length]));
	const rest = noun.few ? naughty.slice(0, 30) : naughty.filter((_, i) => i % 4 === nouns.indexOf(noun) % 4);
	for (let i = 0; i < rest.length; i += noun.text.length) put(rest.slice(i, i + noun.text.length));
	const step = made.length / Math.min(noun.most ?? made.length, made.length);
	return made.filter((_, i) => i % step < 1);
}

/** From outside the page, so that what is refused is no complaint of the page. Who is told to wait a moment waits. */
async function ask([method, path, body, headers]) {
	for (let tries = 0; ; tries++) {
		const r = await fetch(`${base}/api/v1/${path}`, { method, headers: { Authorization: `Bearer ${process.env.KHIEN_KEY}`, "Content-Type": "application/json", ...headers }, body: body && JSON.stringify(body) });
		const text = await r.text();
		if (tries === 50 || !/"busy"/.test(text)) return [r.status, r.status >= 400 ? text : ""];
		await new Promise((after) => setTimeout(after, 100));
	}
}
async function send(requests, person) {
	const out = [];
	if (person) // what no key may do is done by who has signed in
		return page.evaluate((list) => Promise.all(list.map(([method, path, body]) =>
			fetch(`/api/v1/${path}`, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }).then(async (r) => [r.status, r.ok ? "" : await r.text()]))), requests);
	for (let i = 0; i < requests.length; i += 6) out.push(...(await Promise.all(requests.slice(i, i + 6).map(ask))));
	return out;
}
// That the desk refuses what is nonsense is no complaint of the page.
const complaints = () => faults.filter((f) => !/status of 4(04|09|22)/.test(f));
const get = (path) => page.evaluate((p) => fetch(`/api/v1/${p}`).then((r) => r.json()), path);

/* ---- what would be seen ---- */

const ran = [];
await context.exposeFunction("owned", (...words) => ran.push(`owned() was called ${words.join(" ")}`));
context.on("page", (p) => p !== page && ran.push(`a window was opened: ${p.url()}`));
page.on("dialog", (d) => (ran.push(`a dialog: ${d.message()}`), d.dismiss()));
page.on("framenavigated", (f) => f.url().startsWith("http") && !f.url().startsWith(base) && ran.push(`gone to ${f.url()}`));
page.on("request", (r) => !r.url().startsWith(base) && !r.url().startsWith("data:") && ran.push(`asked ${r.url()}`));

/** In the page: anything that only markup from outside could have made. */
function foreign() {
	const found = [];
	const own = (e) => e.closest("head") || (e.tagName === "SCRIPT" && e.src.startsWith(location.origin));
	for (const e of document.querySelectorAll("*")) {
		if (/^(SCRIPT|IFRAME|OBJECT|EMBED|BASE|META|STYLE|MATH|VIDEO|FORM)$/i.test(e.tagName) && !own(e) && !(e.tagName === "FORM" && !e.hasAttribute("action"))) found.push(e.outerHTML.slice(0, 120));
		for (const a of e.attributes) if (/^on/i.test(a.name) || (/^(href|src|action|formaction|xlink:href)$/i.test(a.name) && /^\s*(javascript|data:text)/i.test(a.value))) found.push(`${e.tagName} ${a.name}=${a.value.slice(0, 80)}`);
	}
	if (document.querySelector("#evil, b#location, img[src=x]")) found.push("an element of ours");
	return found;
}
async function look(path, pages = 8) {
	await page.goto(base + path);
	await page.locator("h1").first().waitFor();
	await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
	for (let i = 0; i < pages; i++) { // the rest of a long list
		const more = page.locator("main button.more, main .more button").first();
		if (!(await more.count()) || !(await more.isVisible()) || (await more.isDisabled())) break;
		await more.click();
		await page.waitForTimeout(150);
	}
	const found = await page.evaluate(foreign);
	must(!found.length, `${path}: ${found.join("\n")}`);
	must(!ran.length, `${path}: ${ran.join("\n")}`);
	must(!complaints().length, `${path}: ${complaints().join("\n")}`);
}
/** The cells of a CSV text (RFC 4180), as a spreadsheet reads them. */
function cells(text) {
	const out = [];
	for (let at = text.startsWith("\ufeff") ? 1 : 0; at < text.length; at++) {
		let cell = "";
		if (text[at] === '"')
			for (at++; at < text.length && (text[at] !== '"' || text[++at] === '"'); at++) cell += text[at];
		else
			for (; at < text.length && !",\r\n".includes(text[at]); at++) cell += text[at];
		out.push(cell);
		if (text[at] === "\r") at++;
	}
	return out;
}
/** Every row of a list is opened beside it by the keyboard, as somebody on duty does. */
async function walk(rows) {
	for (let i = 0; i < rows; i++) {
		await page.keyboard.press("j");
		if (i % 5 === 0) await page.keyboard.press("Enter");
		await page.waitForTimeout(15);
	}
	const found = await page.evaluate(foreign);
	must(!found.length && !ran.length, [...found, ...ran].join("\n"));
}

/* ---- the story ---- */

await chapter(page, "somebody on duty comes in", async () => {
	await comeIn();
	await page.evaluate(() => document.activeElement?.blur());
}, true);

let kept = 0, refused = 0;
await chapter(page, "script and naughty strings through every field of the API: kept or refused, never a fault of the server", async () => {
	const rule = (await get("rules?limit=1")).items[0].id;
	const broken = [], absent = [];
	for (const noun of nouns) {
		const answers = await send(bodies(noun, rule).map((body) => ["POST", noun.path, body]), noun.person);
		const good = answers.filter(([s]) => s < 300).length;
		kept += good;
		refused += answers.length - good;
		broken.push(...answers.filter(([s, t]) => s >= 500 && !/"full"/.test(t)).map(([s, t]) => `${noun.path}: ${s} ${t}`));
		if (answers.every(([s]) => s === 404 || s === 405)) absent.push(noun.path);
		else if (!good && noun.path !== "sweeps") broken.push(`${noun.path}: nothing was taken, so nothing is tried: ${answers[0]}`);
	}
	if (absent.length) console.log(`# not there: ${absent.join(", ")}`);
	must(!broken.length, broken.slice(0, 10).join("\n"));
});
console.log(`# ${kept} texts kept, ${refused} refused`);

await chapter(page, "the same in lines of machines becomes events and alerts", async () => {
	const socket = createSocket("udp4");
	const lines = [...vectors, ...naughty].map((text) => text.replace(/[\r\n\0]/g, " "));
	for (const [i, text] of lines.entries()) {
		const word = text.replace(/\s/g, "_").slice(0, 60);
		for (const line of [
			`<38>Nov 22 05:10:11 ubndx-web sshd[42]: Failed password for invalid user ${word} from 203.0.113.77 port ${1000 + i} ssh2`,
			`<38>1 2026-11-22T05:10:11Z ${word} ${word} 42 - - ${text}`,
			JSON.stringify({ timestamp: new Date().toISOString(), event_type: "alert", src_ip: "203.0.113.9", dest_ip: "10.21.4.2", alert: { signature: text, category: text, severity: 1 }, http: { url: text, http_user_agent: text } }),
		])
			await new Promise((after) => socket.send(line, +process.env.KHIEN_SYSLOG, "127.0.0.1", after));
		if (i % 50 === 49) await page.waitForTimeout(30);
	}
	socket.close();
	for (let i = 0; i < 60 && !(await get("alerts?limit=1")).items.length; i++) await page.waitForTimeout(250);
	const alerts = (await get("alerts?limit=100")).items;
	must(alerts.length, "no alert came");
	await send(alerts.slice(0, vectors.length).map((a, i) => ["PATCH", `alerts/${a.id}`, { assignee: cut(vectors[i], 60) }, { "If-Match": String(a.version) }]));
	const again = (await get("alerts?limit=100")).items;
	const answers = await send(again.slice(0, vectors.length).map((a, i) => ["PATCH", `alerts/${a.id}`, { state: "closed", verdict: "false", reason: vectors[i] }, { "If-Match": String(a.version) }]));
	must(!answers.some(([s]) => s >= 500), answers.find(([s]) => s >= 500)?.join(" "));
});

// Every screen that the interface has, and the page of one thing of each kind.
const screens = [...readFileSync(join(here, "../../ui/src/App.svelte"), "utf8").matchAll(/^\s*"(\/[a-z/-]*)": \[/gm)].map((m) => m[1]).filter((p) => p !== "/login" && p !== "/setup");
const one = { systems: "s-0", organisations: "o-0" };
const pages = [...readFileSync(join(here, "../../ui/src/App.svelte"), "utf8").matchAll(/^\s*"\/([a-z-]+)\/:\w+": \[/gm)].map((m) => `/${m[1]}/${one[m[1]]}`);
for (const language of ["vi", "en"])
	await chapter(page, `nothing of it runs on any of ${screens.length} screens (${language})`, async () => {
		await page.goto(base);
		await choose("light", language);
		const more = language === "vi" ? 8 : 0; // the rows are the same in the other one, its sentences are seen on the first
		for (const path of [...screens, ...pages]) await look(path, more);
	});
await chapter(page, "nor where rows are opened one by one", async () => {
	for (const path of ["/alerts", "/alerts?state=closed", "/indicators", "/files", "/rules?q=hostile", "/hunt?q=evil"]) {
		await look(path);
		await walk(30);
	}
});
await chapter(page, "nor from the address", async () => {
	const asked = ["/hunt?q=", "/alerts?q=", "/systems?q="];
	for (const [i, text] of vectors.slice(0, 18).entries()) {
		const path = asked[i % asked.length];
		await page.goto(base + path + encodeURIComponent(text));
		await page.locator("h1").first().waitFor();
		must(!(await page.evaluate(foreign)).length && !ran.length, `${path}${text}: ${ran.join("\n")}`);
	}
});
await chapter(page, "what is exported holds no formula", async () => {
	for (const path of ["organisations/exports?purpose=report", "systems/exports?purpose=report"]) {
		const r = await fetch(`${base}/api/v1/${path}`, { method: "POST", headers: { Authorization: `Bearer ${process.env.KHIEN_KEY}`, "Content-Type": "application/json" }, body: JSON.stringify({ format: "csv" }) });
		const text = await r.text();
		if (r.status === 404 || r.status === 405) {
			console.log(`# no ${path} yet`);
			continue;
		}
		must(r.ok, `${path}: ${r.status} ${text}`);
		const formula = cells(text).filter((cell) => /^[=+@\t\r-]/.test(cell) && !/^-\d*$/.test(cell));
		must(!formula.length, `${path}: ${formula[0]}`);
	}
});
ok(!ran.length && !complaints().length, "no script ran, no dialog, no window, no request outside, no breach of the policy", [...ran, ...complaints()].slice(0, 20).join("\n"));
await close();
done();
