// SPDX-License-Identifier: EUPL-1.2
// What the stories in a browser do alike: come in, go to a screen, look whether it is whole.
import { inspect, missing, must, open } from "./browser.mjs";

export const { KHIEN_URL: base, KHIEN_SETUP_URL: setup, KHIEN_SEND: send } = process.env;
export const login = process.env.KHIEN_LOGIN ?? "truc.ban";
export const password = process.env.KHIEN_PASSWORD ?? "một câu dài dễ nhớ 2026";
if (!base || missing()) {
	console.log(`1..0 # SKIP ${base ? "no chromium" : "KHIEN_URL is not set"}`);
	process.exit(0);
}
export const { context, page, faults, close } = await open();

export const at = (path) => page.waitForURL((url) => url.pathname === path);
export const heading = () => page.locator("h1").first().waitFor();
export const key = (name) => page.keyboard.press(name);
export const current = () => page.locator("tr[aria-current=true]");

export async function clean() {
	const wrong = await inspect(page);
	must(wrong.length === 0, wrong.join("\n"));
}
export async function settled(path) {
	await page.goto(base + path);
	await heading();
	await page.locator("nav footer").waitFor(); // the stream speaks
	await page.locator("main table, main .empty, main section").first().waitFor();
	await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

export async function signIn(word) {
	await page.fill("input[name=login]", login);
	await page.fill("input[name=password]", word);
	await key("Enter");
}
/** The first administrator, by the one-time link; without one by the password. */
export async function comeIn() {
	await page.goto(setup ?? `${base}/login`);
	if (!setup) {
		await signIn(password);
		return at("/");
	}
	await page.fill("input[name=login]", login);
	await page.fill("input[name=name]", "Trần Thị Trực Ban");
	await page.fill("input[name=password]", password);
	await page.fill("input[name=again]", password);
	await key("Enter");
	await at("/");
	await heading();
}

export async function choose(theme, language) {
	const chosen = JSON.stringify({ theme, language, density: "comfortable", keys: true });
	await page.evaluate((text) => localStorage.setItem("khien.preferences", text), chosen);
}

/** In the page: the first thing that one would have to scroll sideways, except what is made for it. */
function tooWide() {
	if (document.documentElement.scrollWidth > innerWidth + 1) return "the page";
	const scrolls = (e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "auto" && !e.matches(".group, pre, textarea");
	const found = [...document.querySelectorAll("main, main *")].find(scrolls);
	return found ? `${found.tagName}.${found.className}` : null;
}
/** axe finds nothing, and nothing is cut off on a phone or on the smallest desk. */
export async function whole() {
	await clean();
	const wide = [];
	for (const [width, height] of [[390, 844], [1366, 768]]) {
		await page.setViewportSize({ width, height });
		const found = await page.evaluate(tooWide);
		if (found) wide.push(`${found} is wider than its place at ${width} px`);
	}
	must(!wide.length, wide.join("\n"));
}
