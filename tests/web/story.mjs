// SPDX-License-Identifier: EUPL-1.2
// A night on duty, in a browser against a running server: set up, sign in, an alert arrives while one looks, it is
// triaged by keys alone, and its raw line is found again. TAP on standard output.
//
//   KHIEN_URL        where the server listens, e.g. http://127.0.0.1:8080
//   KHIEN_SETUP_URL  the one-time link of the first run; without it KHIEN_LOGIN and KHIEN_PASSWORD sign in
//   KHIEN_SEND       a command that sends the log lines of a brute force to the server
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { chapter, done, must, ok } from "./browser.mjs";
import { at, base, choose, clean, close, context, current, faults, heading, key, login, page, password, send, settled, setup, signIn, whole } from "./house.mjs";

const shell = (command) => promisify(execFile)("/bin/sh", ["-c", command]);
const panel = () => page.locator("aside[data-state]");
const panelSays = (state) => page.locator(`aside[data-state=${state}]`).waitFor();

await chapter(page, "the first administrator comes in by the one-time link", async () => {
	if (!setup) {
		await page.goto(`${base}/login`);
		await signIn(password);
		return at("/");
	}
	await page.goto(setup);
	await page.fill("input[name=login]", login);
	await page.fill("input[name=name]", "Trần Thị Trực Ban");
	await page.fill("input[name=password]", "ngắn");
	await page.fill("input[name=again]", "ngắn");
	await key("Enter");
	await page.locator("[role=alert]").waitFor(); // too short
	await clean();
	await page.fill("input[name=password]", password);
	await page.fill("input[name=again]", password);
	await key("Enter");
	await at("/");
	await heading();
}, true);

await chapter(page, "signing out ends the session, a wrong password does not open one", async () => {
	await page.click("button[popovertarget=me]");
	await page.locator("#me .foot .button").last().click();
	await at("/login");
	await signIn("không phải mật khẩu này");
	await page.locator("[role=alert]").waitFor();
	await signIn(password);
	await at("/");
	await heading();
}, true);

await chapter(page, "the demonstration is left with one click", async () => {
	const leave = page.locator("#main > aside button");
	const shown = await Promise.race([
		leave.waitFor().then(() => true, () => false),
		page.locator("nav footer").waitFor().then(() => leave.isVisible()),
	]);
	if (shown) {
		await leave.click();
		await leave.waitFor({ state: "detached" });
	}
});

await chapter(page, "an alert arrives while one looks at the queue", async () => {
	await page.click('nav a[href="/alerts"]');
	await heading();
	await page.locator("nav footer").waitFor(); // the stream speaks
	await page.locator(".rows[aria-busy=false]").waitFor();
	const before = await page.locator("tr[data-id]").count();
	if (send) await shell(send);
	await page.waitForFunction((n) => document.querySelector(".fresh") || document.querySelectorAll("tr[data-id]").length > n, before);
	if (await page.locator(".fresh").isVisible()) await key("n");
	await page.waitForFunction((n) => document.querySelectorAll("tr[data-id]").length > n, before);
});

await chapter(page, "letters typed into a field, or composed, are no commands", async () => {
	await key("/");
	await page.keyboard.type("jxad");
	must((await page.inputValue("#queue-search")) === "jxad", "the field did not take the letters");
	await page.fill("#queue-search", "");
	await page.waitForFunction(() => !location.search.includes("q="));
	await page.evaluate(() => document.activeElement.blur());
	await page.evaluate(() => document.body.dispatchEvent(new KeyboardEvent("keydown", { code: "KeyJ", key: "j", isComposing: true, bubbles: true })));
	must((await current().count()) === 0, "a composed j moved the row");
	await page.locator("tr[data-id]").first().waitFor();
});

await chapter(page, "triage with keys only: j, Enter, a, undo, a, d with a reason", async () => {
	await key("j");
	await current().waitFor();
	await key("Enter");
	await panelSays("new");
	await panel().locator("pre").first().waitFor();
	await clean();
	await key("a");
	await panelSays("acknowledged");
	await key("u");
	await panelSays("new");
	await key("a");
	await panelSays("acknowledged");
	must(new URL(page.url()).searchParams.get("panel") === "1", "the panel is not in the address");
	await key("d");
	await page.locator("dialog textarea").waitFor();
	await clean();
	await page.locator("dialog textarea").fill("Đã gọi đầu mối, đổi mật khẩu");
	await page.locator("dialog .button.main").press("Enter");
	await panelSays("closed");
	await panel().getByText("Đã gọi đầu mối, đổi mật khẩu").first().waitFor();
});

await chapter(page, "the queue comes back from its address", async () => {
	const address = page.url();
	await page.goto(`${base}/`);
	await heading();
	await page.goto(address);
	await panelSays("closed");
});

await chapter(page, "the raw line of the alert is found in the hunt, byte for byte", async () => {
	const line = (await panel().locator("pre").first().innerText()).trim();
	await panel().locator("figcaption a").first().click();
	await at("/hunt");
	const raw = page.locator("aside pre").first();
	await raw.waitFor();
	must((await raw.innerText()).includes(line.slice(-40)), `"${line}" is not in "${await raw.innerText()}"`);
	await page.locator("tr[data-id]").first().waitFor();
	const plus = page.locator("aside dl.fields .handle").first();
	await plus.click();
	await page.waitForFunction(() => new URLSearchParams(location.search).get("q")?.includes(":"));
	await page.locator("tr[data-id]").first().waitFor();
	await page.locator(".plot canvas").waitFor();
});

await chapter(page, "a second tab shares the stream of the first", async () => {
	const second = await context.newPage();
	let streams = 0;
	second.on("request", (r) => (streams += r.url().endsWith("/api/v1/stream") ? 1 : 0));
	await second.goto(`${base}/`);
	await second.locator("nav footer").waitFor();
	await second.close();
	await page.bringToFront();
	must(streams === 0, `it opened ${streams} of its own`);
});

await chapter(page, "help and palette open by keys, axe finds nothing, the palette leads on", async () => {
	await page.evaluate(() => document.activeElement.blur());
	await key("Shift+Slash");
	await page.locator("dialog kbd").first().waitFor();
	await clean();
	await key("Escape");
	await page.locator("dialog").waitFor({ state: "detached" });
	await key("Control+k");
	await page.locator("dialog [role=option]").first().waitFor();
	await clean();
	await page.keyboard.type("nguon nhat ky"); // no marks needed
	await page.locator("dialog [role=option]").nth(2).waitFor();
	await key("ArrowDown");
	await key("ArrowDown");
	await key("Enter");
	await at("/sources");
});

const screens = ["/", "/alerts?state=all", "/hunt", "/sources", "/systems", "/organisations", "/rules"];
for (const theme of ["light", "dark"]) {
	await choose(theme, theme === "light" ? "vi" : "en");
	for (const path of screens)
		await chapter(page, `axe finds nothing, and nothing is cut off: ${path} ${theme}`, async () => {
			await settled(path);
			must(page.url() === base + path, `landed on ${page.url()}`);
			await whole();
		});
}

await chapter(page, "the language changes in place", async () => {
	await choose("auto", "vi");
	await settled("/alerts");
	must((await page.getAttribute("html", "lang")) === "vi", "lang is not vi");
	const before = await page.locator("h1").innerText();
	await page.click("button[popovertarget=me]");
	await page.click("#me button[lang=en]");
	await page.locator("html[lang=en]").waitFor();
	must((await page.locator("h1").innerText()) !== before, "the heading stayed");
});

ok(faults.length === 0, "no violation of the content security policy, no error on the console", faults.join("\n"));
await close();
done();
