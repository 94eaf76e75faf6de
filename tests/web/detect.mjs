// SPDX-License-Identifier: EUPL-1.2
// The room of detection, in a browser against a running server: a rule is written, tried on the past and put in force,
// another is switched off with a reason, an alert becomes an exception in three keys, indicators come in and are looked
// back for, files are scanned. What people write is hostile here: nothing of it may run. TAP on standard output.
//
//   KHIEN_URL, KHIEN_SETUP_URL, KHIEN_SEND  as in story.mjs; alerts of a brute force are there or come with the command
//   KHIEN_SYSLOG     port of the UDP door
//   KHIEN_SWEEP      a folder that may be swept
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { promisify } from "node:util";
import { chapter, done, must, ok } from "./browser.mjs";
import { at, base, choose, clean, close, comeIn, context, current, faults, heading, key, page, send, settled, whole } from "./house.mjs";

const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
const params = () => new URL(page.url()).searchParams;
const panel = () => page.locator(".side aside");
const dialog = () => page.locator("dialog[open]");
const loaded = () => page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
const unfocus = () => page.evaluate(() => document.activeElement.blur());
const notOwned = async () => must((await page.title()) !== "owned" && !(await page.locator("img[src=x]").count()), "what a person wrote was run");
const api = (path) => page.evaluate((p) => fetch(`/api/v1/${p}`).then((r) => r.json()), path);
async function until(ask, why, ms = 20_000) {
	for (const end = Date.now() + ms; Date.now() < end; await page.waitForTimeout(200)) {
		const got = await ask();
		if (got) return got;
	}
	throw new Error(why);
}

await chapter(page, "somebody on duty comes in, and an attack is on its way", async () => {
	await comeIn();
	if (send) await promisify(execFile)("/bin/sh", ["-c", send]);
	await until(async () => (await api("alerts?state=open")).items.length, "no alert came");
}, true);

/* ---- rules ---- */

await chapter(page, "rules are found, sorted and filtered, and all of it stands in the address", async () => {
	await settled("/rules");
	const all = await page.locator("tr[data-id]").count();
	await key("/");
	await page.keyboard.type("ssh");
	await page.waitForFunction(() => new URLSearchParams(location.search).get("q") === "ssh");
	await loaded();
	const some = await page.locator("tr[data-id]").count();
	must(some > 0 && some < all, `${some} of ${all} rules speak of ssh`);
	await page.click("thead button:has-text('Mức')");
	await page.waitForFunction(() => location.search.includes("sort=level"));
	await loaded();
	const address = page.url();
	await page.goto(`${base}/`);
	await heading();
	await page.goto(address);
	await page.locator("tr[data-id]").first().waitFor();
	must((await page.locator("tr[data-id]").count()) === some, "the list did not come back from its address");
});

await chapter(page, "a rule is switched off and on by keys, with a reason that is kept", async () => {
	await settled("/rules");
	await key("j");
	await current().waitFor();
	await key("Enter");
	await panel().locator("dl").first().waitFor();
	await clean();
	await unfocus();
	await key("s");
	await dialog().locator("input[name=reason]").waitFor();
	await clean();
	await key("Enter");
	await dialog().locator("[role=alert]").waitFor(); // no reason, no change
	await dialog().locator("input[name=reason]").fill(`Ồn ${evil}`);
	await key("Enter");
	await current().locator("[role=switch][aria-checked=false]").waitFor();
	await panel().getByText(evil).first().waitFor();
	await notOwned();
	const id = params().get("at");
	await until(async () => (await api(`rules/${id}`)).on === false, "the server has it on");
	await current().locator("[role=switch]").click();
	await dialog().locator("input[name=reason]").fill("Đã chỉnh nguồn nhật ký");
	await key("Enter");
	await current().locator("[role=switch][aria-checked=true]").waitFor();
});

await chapter(page, "its level is changed for this house", async () => {
	await panel().getByRole("button", { name: "Đổi mức" }).click();
	await dialog().locator("select").selectOption("critical");
	await dialog().locator("input[name=reason]").fill("Ở tỉnh mình điều này nghiêm trọng");
	await key("Enter");
	await until(async () => (await api(`rules/${params().get("at")}`)).level === "critical", "the level stayed");
	await current().getByText("Khẩn cấp").waitFor();
});

/* ---- writing one ---- */

const area = () => page.locator(".editor textarea");
const text = () => page.inputValue(".editor textarea");
const write = async (words) => {
	await area().fill(words);
	await page.locator(".beside li, .beside .soft").first().waitFor();
};
const good = () => page.locator(".beside .found li").first().waitFor();

await chapter(page, "a rule is written: faults stand at their line, Tab indents and does not trap", async () => {
	await settled("/rules");
	await unfocus();
	await key("c");
	await at("/rules/edit");
	await area().waitFor();
	await good(); // the template is a rule
	await clean();
	const template = await text();
	await area().fill(template.replace("condition: selection", "condition: nothing"));
	const mark = page.locator(".gutter button");
	await mark.waitFor();
	const line = template.split("\n").findIndex((l) => l.includes("condition:")) + 1;
	must((await mark.innerText()).includes(String(line)), `the mark stands at "${await mark.innerText()}", not ${line}`);
	must(!(await page.locator(".faults").innerText()).includes("rule_no_selection"), "the fault has no sentence");
	must(await page.locator(".head .button.main").isDisabled(), "a wrong rule can be saved");
	await clean();
	await page.locator(".faults button").click();
	const where = await area().evaluate((a) => a.value.slice(0, a.selectionStart).split("\n").length);
	must(where === line, `the cursor stands in line ${where}, the fault in ${line}`);
	await key("Home");
	await key("Tab");
	must((await text()).split("\n")[line - 1].startsWith("    condition"), "Tab did not indent");
	await key("Shift+Tab");
	must((await text()).split("\n")[line - 1].startsWith("  condition"), "Shift+Tab did not go back");
	await key("Escape");
	await key("Tab");
	must(await page.evaluate(() => document.activeElement.tagName !== "TEXTAREA"), "Escape and Tab do not lead out of the field");
});

await chapter(page, "an expression that cannot be is refused in Vietnamese, with what to write instead and the library's own words", async () => {
	const rule = await text(), sound = rule.replace("condition: nothing", "condition: selection");
	const faults = page.locator(".faults");
	for (const [expression, ours, theirs] of [["(?<!x)Failed", "nhìn trước", "Zero-width"], ["(Failed", "dấu ngoặc tròn", "index 0"], ["(a)\\1", "tham chiếu", "Back-reference"]]) {
		await area().fill(sound.replace(/^( *)message\|contains: .*$/m, `$1message|re: '${expression}'`));
		await faults.getByText(ours).waitFor();
		const words = await faults.innerText();
		must(words.includes(theirs) && /hãy|thì viết/.test(words), words);
	}
	await area().fill(rule);
});

await chapter(page, "the text outlives a reload, and is tried on the past before it is on", async () => {
	const draft = (await text()).replace("condition: nothing", "condition: selection").replace(/^title: .*$/m, `title: 'Sai mật khẩu ${evil.replaceAll("'", "''")}'`)
		.replace(/^level: .*$/m, "level: low");
	await area().fill(draft);
	await good();
	await page.reload();
	await area().waitFor();
	must((await text()) === draft, "the text was lost");
	await good();
	await page.getByRole("button", { name: "Chạy thử" }).click();
	await page.locator(".beside .hits li").first().waitFor();
	await page.locator(".beside .found b").first().waitFor(); // since when
	await clean();
	await notOwned();
});

await chapter(page, "it is saved, on, and its title runs nothing", async () => {
	await page.locator(".head .button.main").click();
	await at("/rules");
	await panel().getByText(evil).first().waitFor();
	await notOwned();
	await until(async () => (await api(`rules?q=${params().get("at")}`)).items[0]?.on, "the server does not have it");
	await page.locator("main.open tr[data-id]").first().waitFor();
	await clean();
});

await chapter(page, "it is run over the past from its panel, and the hits lead to their events", async () => {
	await panel().getByRole("button", { name: "Chạy trên quá khứ" }).click();
	await dialog().locator("input[type=radio]").first().waitFor();
	await clean();
	await key("Enter");
	await at("/lookbacks");
	await panel().locator(".hits li").first().waitFor();
	await notOwned();
	await whole();
	const row = page.locator("tr[data-id]").first();
	must(Number((await row.locator("td b").first().innerText()).replace(/\D/g, "")) > 0, "the list tells of no hits");
	await panel().locator(".hits a").first().click();
	await at("/hunt");
	await page.locator("aside pre").first().waitFor();
});

await chapter(page, "what another changes shows by itself, where it stands", async () => {
	await settled("/rules?q=ssh");
	const row = page.locator("tr[data-id]").first();
	const id = await row.getAttribute("data-id");
	const turn = (on) => page.evaluate(async ([rule, wished]) => {
		const now = await (await fetch(`/api/v1/rules/${rule}`)).json();
		const change = { method: "PATCH", headers: { "Content-Type": "application/json", "If-Match": `"${now.version}"` }, body: JSON.stringify({ on: wished, reason: "thử" }) };
		return (await fetch(`/api/v1/rules/${rule}`, change)).status;
	}, [id, on]);
	must((await turn(false)) === 200, "the rule was not switched off");
	await page.locator(`tr[data-id="${id}"] [role=switch][aria-checked=false]`).waitFor({ timeout: 60_000 });
	must((await turn(true)) === 200, "the rule was not switched on again");
});

/* ---- alerts: why, exception in three keys, verdict with one ---- */

await chapter(page, "an alert of a correlation says in Vietnamese what it counted, and what else it may be", async () => {
	const counted = (await api("alerts?state=open")).items.find((a) => a.rule.title === "SSH brute force");
	await settled(`/alerts?at=${counted.id}&panel=1`);
	const why = panel().locator("section", { hasText: "Vì sao" });
	await why.getByText("Số sự kiện", { exact: true }).waitFor();
	const words = await why.innerText();
	must(words.includes("Từ 10 lần đăng nhập SSH bị từ chối") && words.includes("còn dùng mật khẩu hay khóa cũ"), words);
	must(/\(ngưỡng: từ \d+\)/.test(words) && words.includes("Trong khoảng"), `what had to be met is not told: ${words}`);
	must(!/event_count|window_s|Ten or more|A script or backup job/.test(words), words);
});

await chapter(page, "three keys make an exception of an alert: j, m, Enter", async () => {
	await settled("/alerts");
	await page.locator("tr[data-id]").first().waitFor();
	await unfocus();
	await key("j");
	await current().waitFor();
	const id = params().get("at");
	await key("m");
	await dialog().locator("input[type=checkbox]:checked").first().waitFor();
	must(!/event_count|limit\./.test(await dialog().innerText()), "what a rule counted is offered as a field to except");
	await clean();
	await key("Enter");
	const made = await until(async () => (await api("exceptions?state=active")).items.find((e) => String(e.alert) === id), "no exception was made");
	const days = (made.until_ms - Date.now()) / 86_400_000;
	must(made.fields.length > 0 && made.reason && days > 89 && days < 92, JSON.stringify(made));
	const alert = await until(async () => { const a = await api(`alerts/${id}`); return a.state === "closed" && a; }, "the alert stayed open");
	must(alert.verdict === "false", `the verdict is ${alert.verdict}`);
});

await chapter(page, "an exception with words of one's own runs nothing, and can be ended", async () => {
	await settled("/alerts");
	await page.locator("tr[data-id]").first().waitFor();
	await unfocus();
	await key("j");
	await key("m");
	await dialog().locator("input[type=checkbox]:checked").first().waitFor();
	await key("2"); // our own scanner
	await dialog().locator("input[name=note]").fill(evil);
	await key("Enter");
	await dialog().waitFor({ state: "detached" });
	await page.goto(`${base}/rules/exceptions?state=active`);
	const one = page.locator("tr[data-id]").filter({ hasText: evil });
	await one.first().waitFor();
	await notOwned();
	const before = (await api("exceptions?state=active")).items.length;
	const end = one.first().locator("button");
	await end.click();
	await end.click();
	await until(async () => (await api("exceptions?state=active")).items.length === before - 1, "it is still in force");
});

await chapter(page, "closing asks for a verdict, one key each, and the rule's record has it", async () => {
	await settled("/alerts");
	await page.locator("tr[data-id]").first().waitFor();
	await unfocus();
	await key("j");
	await current().waitFor();
	const alert = await api(`alerts/${params().get("at")}`);
	const before = (await api(`rules/${alert.rule.id}`)).closed_false;
	await key("d");
	await dialog().locator("input[name=verdict]").first().waitFor();
	await key("2");
	await clean();
	await key("Enter");
	await until(async () => (await api(`alerts/${alert.id}`)).verdict === "false", "the verdict was not kept");
	await until(async () => (await api(`rules/${alert.rule.id}`)).closed_false === before + 1, "the rule did not learn");
});

await chapter(page, "our own rule is changed, then deleted", async () => {
	await settled("/rules?origin=desk");
	await key("j");
	await key("Enter");
	await panel().getByRole("link", { name: "Sửa" }).click();
	await at("/rules/edit");
	await area().waitFor();
	await area().fill((await text()).replace(/^level: .*$/m, "level: informational"));
	await good();
	await page.locator(".head .button").filter({ hasText: "để tắt" }).click();
	await at("/rules");
	await panel().locator("dl").first().waitFor();
	await until(async () => { const r = await api(`rules/${params().get("at")}`); return r.own_level === "informational" && !r.on; }, "the change did not arrive");
	await panel().getByRole("button", { name: "Xóa" }).click();
	await dialog().locator(".button.main").press("Enter");
	await dialog().waitFor({ state: "detached" });
	await until(async () => !(await api("rules?origin=desk")).items.length, "the rule is still there");
});

/* ---- coverage ---- */

await chapter(page, "the matrix is walked by arrows, read as a table, and opens the rules of a technique", async () => {
	await settled("/rules/coverage");
	const cell = page.locator(".matrix a.cell").first();
	await cell.focus();
	await key("ArrowDown");
	await key("ArrowRight");
	const here = await page.evaluate(() => document.activeElement.querySelector(".id")?.textContent ?? "");
	must(/T\d{4}/.test(here) && here !== (await cell.locator(".id").innerText()), `the focus stands on "${here}"`);
	await page.locator("select[aria-label*='cơ quan']").selectOption({ index: 1 });
	await page.waitForFunction(() => location.search.includes("organisation="));
	await page.locator(".below table tbody tr").first().waitFor(); // what this agency sends
	await page.getByRole("button", { name: "Dạng bảng" }).click();
	await page.locator(".flat tbody tr").first().waitFor();
	await clean();
	await page.getByRole("button", { name: "Dạng bảng" }).click();
	await page.locator(".matrix a.cell.live").first().click();
	await at("/rules");
	await page.locator("tr[data-id]").first().waitFor();
});

/* ---- indicators ---- */

await chapter(page, "an indicator is added by hand, written harmless, with a note that runs nothing", async () => {
	await settled("/indicators");
	await unfocus();
	await key("c");
	await dialog().locator("input[name=value]").waitFor();
	await clean();
	await dialog().locator("input[name=value]").fill("hxxps://xau[.]example/tai/a.exe");
	await dialog().locator("input[name=note]").fill(evil);
	await key("Enter");
	await panel().getByText(evil).first().waitFor();
	await notOwned();
	const [one] = (await api("indicators?q=xau.example")).items;
	must(one?.kind === "url" && one.value.startsWith("https://xau.example/") && one.state === "active", JSON.stringify(one));
	await page.locator("tr[data-id]").filter({ hasText: "hxxps" }).first().waitFor();
});

await chapter(page, "a list is pasted in: what is wrong stands with its line, what is common is held", async () => {
	await settled("/indicators");
	await unfocus();
	await key("i");
	await dialog().locator("textarea").waitFor();
	await clean();
	await dialog().locator("textarea").fill("203.0.113.77\n198.51.100.0/28\nxau2[.]example\nđây không phải chỉ dấu\n8.8.8.8\nd41d8cd98f00b204e9800998ecf8427e\n");
	await dialog().locator("input[name=source]").fill("Trung tâm quốc gia");
	await dialog().locator(".button.main").click();
	const numbers = dialog().locator(".result dl");
	await numbers.waitFor();
	await clean();
	must(Number(await numbers.locator(".added dd").innerText()) >= 3, await numbers.innerText());
	must(Number(await numbers.locator(".refused dd").innerText()) >= 1, await numbers.innerText());
	must((await dialog().locator(".result li").first().innerText()).includes("4"), await dialog().innerText());
	await dialog().locator(".button.main").click();
	await page.locator("tr[data-id]").filter({ hasText: "203.0.113.77" }).first().waitFor();
	await until(async () => (await api("indicators?q=203.0.113.77&state=active")).items.length, "the address is not active");
});

await chapter(page, "it is looked back for, seen in the stored lines, and revoked", async () => {
	await settled("/indicators?q=203.0.113.77");
	await key("j");
	await key("Enter");
	await panel().getByRole("button", { name: "Tìm ngược" }).click();
	await dialog().locator("input[type=radio]").first().waitFor();
	await key("Enter");
	await at("/lookbacks");
	await panel().locator(".hits li").first().waitFor();
	await clean();
	const found = await until(async () => (await api("alerts?state=all")).items.find((a) => a.lookback), "the look-back opened no alert");
	await settled(`/alerts?state=all&at=${found.id}&panel=1`);
	await panel().getByText("nay mới biết").waitFor(); // "hit since ...", in the alert itself
	await panel().getByText("Chỉ dấu do", { exact: true }).waitFor();
	await panel().locator("dd a[href^='/indicators?q=']").waitFor();
	must(!(await panel().innerText()).includes("indicator.value"), "the indicator has a raw name");
	await settled("/indicators?q=203.0.113.77");
	await key("j");
	await key("Enter");
	await panel().getByRole("button", { name: "Thu hồi" }).click();
	await dialog().locator("input[name=reason]").fill(`Nhầm ${evil}`);
	await key("Enter");
	await panel().locator(".pill.revoked").waitFor();
	await notOwned();
});

await chapter(page, "any address on the screen becomes an indicator", async () => {
	await settled("/alerts?state=all");
	await key("j");
	await key("Enter");
	const make = page.locator("aside[data-state] button[aria-label^='Tạo chỉ dấu']").first();
	await make.waitFor();
	await make.click();
	await dialog().locator("input[name=value]").waitFor();
	must((await dialog().locator("input[name=value]").inputValue()).includes("203.0.113.77"), "the value is not there");
	await clean();
	await key("Escape");
});

await chapter(page, "what a warning list holds says which list, in words", async () => {
	await settled("/indicators?state=held");
	const held = page.locator("tr[data-id]").filter({ hasText: "8.8.8.8" });
	await held.getByText("máy phân giải công cộng").waitFor();
	await held.locator("a.title").click();
	await panel().getByText("máy phân giải công cộng").waitFor();
	await clean();
});

/* ---- sources ---- */

await chapter(page, "a source whose events have more fields than are kept says so", async () => {
	const socket = createSocket("udp4");
	const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`field${n}`, n])));
	await until(async () => {
		await new Promise((after) => socket.send(wide, +process.env.KHIEN_SYSLOG, "127.0.0.1", after));
		return (await api("sources")).items.some((s) => s.fields_dropped > 0);
	}, "no source tells of fields that were not kept");
	socket.close();
	await settled("/sources");
	await page.getByText("trường không giữ được").first().waitFor();
	await page.getByText("sự kiện có trường bị cắt hoặc bỏ bớt").waitFor();
	await whole();
});

/* ---- files ---- */

const eicar = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAN" + "DARD-ANTIVIRUS-TEST-FILE!$H+H*"; // in two halves, so that no scanner deletes this file

await chapter(page, "a file goes up in parts, is scanned, and its name runs nothing", async () => {
	await settled("/files");
	const name = `thư mời ${evil.replaceAll("/", "∕")}.txt`;
	await page.setInputFiles(".drop input[type=file]", [
		{ name, mimeType: "text/plain", buffer: Buffer.from(eicar) },
		{ name: "lớn.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(2_500_000, 7) },
	]);
	const row = page.locator("tr[data-id]").filter({ hasText: "thư mời" }).first();
	await row.locator(".pill.matched").waitFor();
	await page.locator("tr[data-id]").filter({ hasText: "lớn.bin" }).locator(".pill.clean").waitFor();
	await notOwned();
	await row.locator("a.title").click();
	await panel().locator("li code").first().waitFor(); // the string that matched
	await clean();
	const big = (await api("files")).items.find((f) => f.name === "lớn.bin");
	must(big.size === 2_500_000 && big.sha256.length === 64, JSON.stringify(big));
});

await chapter(page, "a folder is swept, with its numbers", async () => {
	const folder = process.env.KHIEN_SWEEP;
	await settled("/sweeps");
	await page.fill("#sweep-folder", "/etc");
	await key("Enter");
	await page.locator("form .wrong").waitFor(); // nobody allowed it
	if (!folder) return;
	await page.fill("#sweep-folder", folder);
	await key("Enter");
	await page.locator("tr[data-id] .pill.done").first().waitFor();
	await page.locator("tr[data-id] a.title").first().click();
	await panel().getByText("xau.txt").first().waitFor();
	await clean();
});

/* ---- the record ---- */

await chapter(page, "what was done stands in the record, before and after, with a proof to take away", async () => {
	await settled("/record");
	await page.locator("tr[data-id] a:has-text('Tạo')").first().click();
	await panel().locator("ins").first().waitFor();
	await notOwned();
	await clean();
	const files = [];
	page.on("download", (d) => files.push(d.suggestedFilename()));
	await panel().locator("button:has-text('bằng chứng')").click();
	await until(async () => files.length === 2, "the proof was not given");
	must(files.some((f) => f.endsWith(".tlog-proof")), files.join());
	await page.locator("input[type=date]").fill("2001-01-01");
	await page.locator("input[type=date]").blur();
	await page.waitForFunction(() => location.search.includes("day=2001-01-01"));
	await loaded();
	must(!(await page.locator("tr[data-id]").count()), "a day without entries shows some");
});

/* ---- every screen, both themes, both languages, phone and desk ---- */

const screens = ["/rules", "/rules?at=first&panel=1", "/rules/edit", "/rules/coverage", "/rules/exceptions", "/lookbacks", "/indicators", "/indicators/sources", "/files", "/sweeps", "/record", "/record?evidence=1", "/record?refused=1", "/sources"];
for (const theme of ["light", "dark"]) {
	await choose(theme, theme === "light" ? "vi" : "en");
	for (const path of screens)
		await chapter(page, `axe finds nothing, and nothing is cut off: ${path} ${theme}`, async () => {
			await settled(path.replace("first", (await api("rules?limit=1")).items[0].id));
			if (path.includes("panel")) await panel().locator("dl").first().waitFor();
			await notOwned();
			await whole();
		});
}

await chapter(page, "the first load of a screen stays within 200 KB", async () => {
	const heavy = [];
	for (const path of ["/", "/alerts", "/rules", "/rules/edit", "/indicators"]) {
		const fresh = await context.newPage();
		const network = await context.newCDPSession(fresh);
		await network.send("Network.setCacheDisabled", { cacheDisabled: true });
		const sizes = [];
		fresh.on("response", (r) => r.url().includes("/api/") || sizes.push(r.headerValue("content-length").then(Number, () => 0)));
		await fresh.goto(base + path);
		await fresh.locator("h1").first().waitFor();
		await fresh.waitForLoadState("load");
		const bytes = (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
		if (bytes < 50_000 || bytes > 200 * 1024) heavy.push(`${path}: ${bytes} bytes`);
		await fresh.close();
	}
	must(!heavy.length, heavy.join("\n"));
});

// Chromium counts a refusal that the story asks for, or that is waited out, as an error.
const unasked = faults.filter((f) => !/422 .*\/api\/v1\/(sweeps|lookbacks)$/.test(f));
ok(unasked.length === 0, "no violation of the content security policy, no error on the console", unasked.join("\n"));
await close();
done();
