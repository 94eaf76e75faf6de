// SPDX-License-Identifier: EUPL-1.2
// The agencies, in a browser against a running server: made, walked by keys, called, asked about, merged, brought in by a file
// with faults. What people write is hostile here: nothing of it may run. TAP on standard output. Environment as in story.mjs.
import { chapter, done, must, ok, shoot } from "./browser.mjs";
import { base, choose, close, comeIn, faults, heading, key, page, settled, whole } from "./house.mjs";

const evil = `<img src=x onerror="document.title='owned'">`;
const dialog = () => page.locator("dialog[open]");
const api = (path) => page.evaluate((p) => fetch(`/api/v1/${p}`).then((r) => r.json()), path);
const loaded = () => page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
const field = (label) => dialog().getByLabel(label, { exact: false }).first();
const save = async () => {
	await dialog().getByRole("button", { name: "Lưu", exact: true }).click();
	await dialog().waitFor({ state: "detached" });
};
/** In a picker of agencies: a few letters, then the choice. */
async function pick(label, letters, id) {
	const box = dialog().locator(".field", { hasText: label }).last();
	await box.locator("input[type=search]").fill(letters);
	await box.locator(`select option[value="${id}"]`).waitFor({ state: "attached" });
	await box.locator("select").selectOption(id);
}

await chapter(page, "somebody on duty comes in", comeIn, true);

await chapter(page, "agencies are made, and refused with a reason", async () => {
	await settled("/organisations");
	await page.getByRole("button", { name: "Thêm", exact: true }).click();
	await field("Tên").fill(`Tỉnh ${evil}`);
	await field("Loại").selectOption("province");
	await field("Mã").fill("tinh");
	await save();
	await page.waitForURL((url) => url.pathname === "/organisations/tinh");
	await page.getByRole("heading", { name: `Tỉnh ${evil}` }).waitFor();
	await settled("/organisations");
	await page.getByRole("button", { name: "Thêm", exact: true }).click();
	await field("Tên").fill("UBND xã Đồng Mới");
	await pick("Trực thuộc", "tinh", "tinh");
	await field("Mã").fill("tinh");
	await dialog().getByRole("button", { name: "Lưu", exact: true }).click();
	await dialog().locator(".wrong").waitFor();
	await field("Mã").fill("xa-dong-moi");
	await save();
	must((await api("organisations/xa-dong-moi")).parent.id === "tinh", "it stands below nobody");
	must((await page.title()) !== "owned" && !(await page.locator("img[src=x]").count()), "what a person wrote was run");
});

await chapter(page, "somebody to call is entered, changed, asked about and ended", async () => {
	await page.getByRole("button", { name: "Thêm người" }).click();
	await field("Họ tên").fill("Nông Thị H.");
	await field("Điện thoại").fill("0900 000 009");
	await field("Thư điện tử").fill("h@dongmoi.example");
	await save();
	await page.getByRole("button", { name: "Hiện cách liên hệ" }).click(); // what for is noted
	await page.getByText("Nông Thị H.").first().waitFor();
	await page.getByRole("button", { name: "Sửa Nông Thị H." }).click();
	await field("Chức vụ").fill("Đầu mối");
	await save();
	await page.getByText("Đầu mối").waitFor();
	await page.getByRole("button", { name: "Nông Thị H. vẫn đúng" }).click();
	await page.getByText("Đã xác nhận Nông Thị H.").waitFor();
	await page.getByRole("button", { name: "Kết thúc Nông Thị H. từ hôm nay" }).click();
	await page.getByText("Nông Thị H. kết thúc hôm nay").waitFor();
	must((await api("organisations/xa-dong-moi/contacts")).items[0].until_day, "he has no last day");
});

await chapter(page, "a new name has its day", async () => {
	await page.getByRole("button", { name: "Sửa", exact: true }).first().click();
	await field("Tên").fill("UBND xã Đồng Mới Hơn");
	await field("Mang tên này").fill("01/07/2025");
	await save();
	await page.getByRole("heading", { name: "UBND xã Đồng Mới Hơn" }).waitFor();
	await settled("/organisations?date=2025-06-30");
	await page.locator("a.tile", { hasText: "UBND xã Đồng Mới" }).first().waitFor();
	must(!(await page.locator("a.tile", { hasText: "Hơn" }).count()), "it bore its new name before");
});

await chapter(page, "a list with faults is told row by row, a good one comes in whole", async () => {
	await settled("/organisations");
	await page.getByRole("button", { name: "Nhập", exact: true }).click();
	const rows = Array.from({ length: 300 }, (_, n) => `xa-${n},UBND xã số ${n},commune,tinh,=1+${n}`).join("\n");
	const csv = (text) => ({ name: "xa.csv", mimeType: "text/csv", buffer: Buffer.from(`id,name,kind,parent,contact_name\n${text}\n`) });
	await dialog().locator("input[type=file]").setInputFiles(csv(rows.replace("xa-7,UBND xã số 7,commune", "xa-7,UBND xã số 7,castle")));
	await dialog().locator("td", { hasText: "castle" }).waitFor();
	must(await dialog().getByRole("button", { name: "Nhập vào sổ" }).isDisabled(), "it could be taken with a fault");
	await dialog().locator("input[type=file]").setInputFiles(csv(rows));
	await dialog().getByText("Sẽ thêm 300").waitFor();
	await dialog().getByRole("button", { name: "Nhập vào sổ" }).click();
	await dialog().waitFor({ state: "detached" });
	await page.locator('a.tile[data-id="xa-299"]').waitFor({ state: "attached" });
});

await chapter(page, "the grid is walked by arrows, the table by j and Enter", async () => {
	await settled("/organisations?kind=commune");
	await page.locator("a.tile").first().focus();
	const at = () => page.evaluate(() => document.activeElement?.dataset?.id);
	const first = await at();
	await key("ArrowRight");
	await page.waitForFunction((was) => document.activeElement?.dataset?.id && document.activeElement.dataset.id !== was, first);
	const second = await at();
	await key("ArrowDown");
	await page.waitForFunction((was) => document.activeElement?.dataset?.id !== was, second);
	await key("ArrowUp");
	await page.waitForFunction((was) => document.activeElement?.dataset?.id === was, second);
	must((await page.locator("a.tile[tabindex='0']").count()) === 1, "the grid is more than one stop of the tab key");
	await key("Enter");
	await page.waitForURL((url) => url.pathname === `/organisations/${second}`);
	await settled("/organisations?view=table&q=so%2012");
	await key("j");
	await page.locator("tr[aria-current=true]").waitFor();
	await key("Enter");
	await page.waitForURL((url) => url.pathname.startsWith("/organisations/xa-12"));
});

await chapter(page, "two become one: looked at first, then done", async () => {
	await settled("/organisations/xa-1");
	await page.getByRole("button", { name: "Sáp nhập", exact: true }).click();
	await pick("Đơn vị chuyển giao", "số 2", "xa-2");
	await dialog().locator(".chosen").getByText("UBND xã số 2").waitFor();
	await field("Tên").fill("UBND xã Một Hai");
	await dialog().getByRole("button", { name: "Xem trước" }).click();
	await dialog().locator("dl").waitFor();
	await shoot(page, "merger");
	await whole();
	must((await api("organisations/xa-2")).state === "active", "looking has done it");
	await dialog().getByRole("button", { name: "Chuyển giao ngay" }).click();
	await page.waitForURL((url) => url.pathname === "/organisations/ubnd-xa-mot-hai");
	await page.getByText("tiếp nhận toàn bộ").first().waitFor();
	must((await api("organisations/xa-2")).state === "closed", "the old one goes on");
});

const screens = ["/organisations", "/organisations?view=table", "/organisations?view=people", "/organisations?by=parent", "/organisations/tinh", "/organisations/ubnd-xa-mot-hai"];
for (const theme of ["light", "dark"])
	await chapter(page, `nothing is in anybody's way, ${theme}`, async () => {
		await choose(theme, "vi");
		for (const [i, path] of screens.entries()) {
			await page.goto(base + path);
			await heading();
			await loaded();
			await page.waitForTimeout(300);
			await shoot(page, `organisations-${theme}-${i}`);
			await whole();
			await page.setViewportSize({ width: 390, height: 844 });
			await shoot(page, `organisations-${theme}-${i}-phone`);
			await page.setViewportSize({ width: 1366, height: 768 });
		}
	});

await chapter(page, "a screen fits into what may be loaded first", async () => {
	await page.goto(base + "/organisations");
	await heading();
	await loaded();
	const bytes = await page.evaluate(() => performance.getEntriesByType("resource").filter((e) => /\.(js|css)$/.test(e.name)).reduce((sum, e) => sum + e.encodedBodySize, 0));
	must(bytes <= 200 * 1024, `${bytes} bytes`);
});
ok(!faults.filter((f) => !/4(04|09|22)/.test(f)).length, "the browser complains of nothing", faults.join("\n"));
await close();
done();
