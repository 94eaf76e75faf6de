// SPDX-License-Identifier: EUPL-1.2
// An officer of an agency on a phone: invited at the desk, in by a link that works once, sees what is his agency's and says
// that he has it.
import { execSync } from "node:child_process";
import { base, at, choose, clean, close, comeIn, context, faults, heading, page, password, send, whole } from "./house.mjs";
import { chapter, done, must, ok, shoot } from "./browser.mjs";

const phone = { width: 390, height: 844 };
let link = "";
execSync(send);

await chapter(page, "the desk makes a role, and an account with a link", async () => {
	await comeIn();
	await page.goto(`${base}/roles`);
	await page.locator("tbody tr").first().waitFor();
	await clean();
	await page.goto(`${base}/people`);
	await page.locator("tbody tr").first().waitFor();
	await clean();
	await shoot(page, "people");
	await page.locator(".bar .button.main").click();
	await page.fill("dialog input[name=login]", "can.bo");
	await page.fill("dialog input[name=name]", "Lò Văn Cán Bộ");
	await page.selectOption("dialog select[name=role]", "agency_officer");
	await page.selectOption("dialog select[name=organisation]", "xa-dong-tam");
	await clean();
	await page.locator("dialog .button.main").click();
	link = await page.locator("[data-link]").innerText();
	must(link.includes("/welcome?token="), link);
});
await chapter(page, "the officer sets a password and signs in, on a phone", async () => {
	await context.clearCookies();
	await page.setViewportSize(phone);
	await page.goto(link);
	await page.fill("input[name=password]", password);
	await page.fill("input[name=again]", password);
	await clean();
	await page.locator(".button.main").click();
	await page.locator('a[href="/login"]').click();
	await page.fill("input[name=login]", "can.bo");
	await page.fill("input[name=password]", password);
	await page.keyboard.press("Enter");
	await at("/");
	await heading();
	must((await page.locator("h1").innerText()).includes("Đồng Tâm"), await page.locator("h1").innerText());
});
await chapter(page, "sees its systems and warnings, and no room that is the desk's", async () => {
	await page.locator("article .row").first().waitFor();
	must((await page.locator("nav > a").count()) === 2, `${await page.locator("nav > a").count()} rooms`);
	for (const theme of ["light", "dark"]) {
		await choose(theme, "vi");
		await page.reload();
		await page.locator("article .row").first().waitFor();
		await clean();
		await shoot(page, `officer-${theme}`);
	}
});
await chapter(page, "says that it has it, with a word", async () => {
	await page.locator("article .row").first().click();
	await page.locator("textarea").fill("Đã ngắt máy khỏi mạng");
	await clean();
	const small = await page.locator("article button").evaluateAll((all) => all.filter((b) => b.getBoundingClientRect().height < 43).length);
	must(small === 0, `${small} buttons too small for a thumb`);
	await page.locator("article .acts .button.main").click();
	await page.waitForFunction(() => document.querySelector("article small")?.textContent.includes("nhận") || !document.querySelector("textarea"));
});
await chapter(page, "its first load is small", async () => {
	const sizes = await page.evaluate(() => performance.getEntriesByType("resource").filter((r) => /\.(js|css)$/.test(new URL(r.name).pathname)).reduce((n, r) => n + (r.encodedBodySize || 0), 0));
	must(sizes < 200 * 1024, `${sizes} bytes`);
});
await chapter(page, "a warning of his is whole, and leads nowhere that he may not go", async () => {
	await page.goto(`${base}/alerts`);
	await page.locator("tr[data-id] a.title").first().click();
	await page.locator("aside[data-state] dl").first().waitFor();
	must(!(await page.locator("main a[href^='/rules'], main a[href^='/hunt'], main input[type=checkbox]").count()), "a way that ends at a closed door");
	await whole();
	await page.setViewportSize(phone);
	await shoot(page, "officer-alert");
});
const refused = faults.filter((f) => /403/.test(f));
ok(!refused.length, "his pages asked for nothing that he may not have: the auditor would read it as his doing", refused.join("\n"));
await close();
done();
