// SPDX-License-Identifier: EUPL-1.2
// Chromium, TAP and axe for the story: nothing here knows what Khien is.
import { chromium } from "playwright-core";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const shots = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "shots");

export const program = process.env.KHIEN_CHROMIUM ?? "/usr/bin/chromium";
export const missing = () => !existsSync(program);

/** A browser with an empty profile. Whatever a page complains of is collected in `faults`. */
export async function open() {
	const profile = mkdtempSync(join(tmpdir(), "khien-web-"));
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: program, headless: true, args: quiet, viewport: { width: 1366, height: 768 }, ignoreHTTPSErrors: true,
	});
	const faults = [];
	context.setDefaultTimeout(15_000);
	await context.exposeFunction("khienFault", (words) => faults.push(words));
	await context.addInitScript(() =>
		document.addEventListener("securitypolicyviolation", (e) => window.khienFault(`CSP ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`)));
	const watch = (page) => {
		page.on("pageerror", (e) => faults.push(`error ${e.message}`));
		page.on("console", (m) => {
			// Chromium reports every 401 as an error; the page asks "who am I?" before anybody is signed in.
			const asked = /\/api\/v1\/sessions(\/current)?$/.test(m.location().url) && m.text().includes("401");
			if (m.type() === "error" && !asked) faults.push(`console ${m.text()} ${m.location().url}`);
		});
	};
	context.on("page", watch);
	const page = context.pages()[0] ?? (await context.newPage());
	watch(page);
	return { context, page, faults, close: () => context.close().finally(() => rmSync(profile, { recursive: true, force: true })) };
}

// One row of a list is made like the other: the first dozen stand for all, while axe looks. A list of hundreds takes it ten seconds.
const alike = ":is(tbody > tr, ul > li):nth-child(n + 13):not(:focus-within, [aria-current])";

/** What axe finds wrong with the page as it stands, one line each. */
export async function inspect(page) {
	await page.evaluate(`${axe};0`);
	// A colour on its way from one to another has no contrast of its own.
	await page.evaluate(() => Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(() => 0));
	const found = await page.evaluate(async ([rows, tags]) => {
		const away = [...document.querySelectorAll(rows)].map((row) => [row, new Comment()]);
		for (const [row, place] of away) row.replaceWith(place);
		return await window.axe.run(document, { runOnly: tags }).finally(() => away.forEach(([row, place]) => place.replaceWith(row)));
	}, [alike, rules]);
	return found.violations.map((v) => `${v.id} x${v.nodes.length}: ${v.nodes[0].target.join(" ")}: ${v.nodes[0].failureSummary.replace(/\s+/g, " ")}`);
}

export async function shoot(page, name) {
	mkdirSync(shots, { recursive: true });
	await page.screenshot({ path: join(shots, `${name}.png`) });
}

/* ---- TAP ---- */

let count = 0;
let failed = 0;
export function ok(good, name, why = "") {
	console.log(`${good ? "ok" : "not ok"} ${++count} - ${name}`);
	if (good) return;
	failed++;
	for (const line of String(why).split("\n")) console.log(`# ${line}`);
}
/** Runs one chapter; an exception is a failure of the chapter, with a picture of the page. */
export async function chapter(page, name, run, vital = false) {
	try {
		await run();
		ok(true, name);
	} catch (e) {
		await shoot(page, name.replace(/\W+/g, "-")).catch(() => {});
		ok(false, name, `${e.message}\nat ${page.url()}`);
		if (!vital) return;
		console.log("Bail out! Nothing else can work without it");
		process.exit(1);
	}
}
export function done() {
	console.log(`1..${count}`);
	process.exitCode = failed ? 1 : 0;
}
export function must(good, why) {
	if (!good) throw new Error(why);
}
