// SPDX-License-Identifier: EUPL-1.2
// The register of systems and the rules in force, as somebody at the desk uses them.
import { chapter, done, must, shoot } from "./browser.mjs";
import { base, at, choose, clean, close, comeIn, faults, page, settled, whole } from "./house.mjs";

const shown = (text) => page.getByText(text, { exact: false }).first().waitFor();
const rows = () => page.locator("main tbody tr").count();
const save = async () => {
	await page.getByRole("button", { name: /^Lưu/ }).last().click();
	await page.locator("dialog").waitFor({ state: "detached" });
};

await chapter(page, "somebody comes in", comeIn, true);
await choose("light", "vi");

await chapter(page, "the register: found without accents, by level, by what ends", async () => {
	await settled("/systems");
	must((await rows()) > 15, "the demonstration's systems are missing");
	await page.fill("#find-systems", "thu tuc hanh chinh");
	await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length === 1);
	await shown("4một phần");
	await shown("3hết hạn");
	await page.goto(`${base}/systems?expiring=30`);
	await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length === 3);
	await page.goto(`${base}/systems?level=4`);
	await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length === 1);
	await page.goto(`${base}/systems`);
	await page.locator("main tbody tr").first().waitFor();
	await shoot(page, "systems");
	await whole();
});

await chapter(page, "one system: level with its rule, layers with evidence, who is what", async () => {
	await settled("/systems/dvc");
	await shown("Đ13, 331/2026/NĐ-CP");
	await shown("Báo cáo kiểm tra, đánh giá năm 2025");
	await shoot(page, "system");
	await whole();
	await page.locator(".date input").fill("18/08/2026");
	await page.keyboard.press("Enter");
	await shown("chưa kiểm chứng");
	await shown("85/2016/NĐ-CP");
});

await chapter(page, "evidence that has ended is renewed", async () => {
	await settled("/systems/dvc");
	await page.getByRole("button", { name: "Sửa minh chứng 3" }).click();
	await page.locator("dialog input[inputmode=numeric]").first().fill("31/12/2099");
	await clean();
	await shoot(page, "system-layer");
	await save();
	await page.waitForFunction(() => !document.querySelector("article.expired"));
});

await chapter(page, "who monitors a system does not assess it: refused, and why", async () => {
	await page.getByRole("button", { name: "Thêm Các bên theo thời gian" }).click();
	await page.locator("dialog select").first().selectOption("assessor");
	await page.locator("dialog input[type=search]").fill("giam sat");
	await page.locator("dialog select option", { hasText: "Giám sát An ninh mạng" }).first().waitFor({ state: "attached" });
	await page.locator("dialog select").nth(1).selectOption("cty-soc");
	await page.locator("dialog button.main").click();
	await page.locator("dialog [role=alert]", { hasText: "độc lập" }).waitFor();
	faults.length = 0; // the browser tells every 409 as an error
	await page.keyboard.press("Escape");
});

await chapter(page, "a donated device that nobody cleared is a warning, until somebody did", async () => {
	await settled("/systems/phuha-camera");
	await shown("đang dùng, chưa kiểm tra");
	await page.getByRole("button", { name: "Sửa Bộ 12 camera" }).click();
	await page.getByLabel("Kết quả kiểm tra").selectOption("cleared");
	await save();
	await page.getByText("đang dùng, chưa kiểm tra").waitFor({ state: "detached" });
});

await chapter(page, "a place that overlaps another system is told", async () => {
	await page.getByLabel("Địa chỉ mạng, tên máy hoặc tên miền").fill("10.21.4.0/25");
	await page.locator("form.place button").click();
	await shown("chồng lên");
	await page.getByRole("button", { name: "Bỏ 10.21.4.0/25" }).click();
	await page.getByText("chồng lên").waitFor({ state: "detached" });
});

await chapter(page, "the level helper names the criterion that decides on a day", async () => {
	await settled("/systems");
	await page.getByRole("button", { name: "Tra cấp độ" }).click();
	await page.getByLabel("Loại hệ thống").selectOption("service");
	await page.getByLabel("Số người sử dụng").fill("20000");
	await page.getByLabel("Chủ thể dữ liệu cá nhân cơ bản").fill("20000");
	await shown("Cấp độ 2");
	await page.getByLabel("Theo quy định ngày").fill("18/08/2026");
	await shown("Cấp độ 3");
	await clean();
	await shoot(page, "system-helper");
	await page.keyboard.press("Escape");
});

await chapter(page, "a system is made", async () => {
	await page.getByRole("button", { name: "Thêm hệ thống" }).click();
	await page.getByLabel("Tên *").fill("Hệ thống họp trực tuyến");
	await page.locator("dialog select option", { hasText: "Sở Tài chính" }).first().waitFor({ state: "attached" });
	await page.getByLabel("Chủ quản", { exact: true }).selectOption({ label: "Sở Tài chính tỉnh Mẫu" });
	await save();
	await at("/systems/he-thong-hop-truc-tuyen");
	await shown("Hệ thống họp trực tuyến");
	await clean();
});

await chapter(page, "a list with faults is told row by row; one of more than a megabyte comes in whole, goes out and comes back", async () => {
	const dialog = page.locator("dialog[open]");
	const choice = (name, text) => dialog.locator("input[type=file]").setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
	const open = async () => {
		await settled("/systems");
		await page.getByRole("button", { name: "Nhập", exact: true }).click();
	};
	const rows = Array.from({ length: 5000 }, (_, n) => `nhap-${n},Hệ thống nhập số ${n} của cơ quan,so-tc,service,2,2026-05-04,${n}/QĐ-UBND,10.200.${n >> 8}.${n & 255}/32,may-${n}; may-${n}-b,${"ghi chú dài ".repeat(9)}`);
	const head = "id,name,organisation,class,level,level_day,level_number,networks,hosts,note\n";
	await open();
	await choice("sai.csv", `${head}${rows[0]}\nA B,x,so-tc,,1,,,,,\nsai-1,x,không có,cloud,1,,,,,\nsai-2,x,so-tc,,9,,,10.0.0.1/24,,\ndvc,Đổi tên,tinh,,2,,,,,\n`);
	await dialog.locator("td", { hasText: "A B" }).waitFor();
	await dialog.locator("td", { hasText: "hãy nhập cơ quan đó trước" }).first().waitFor();
	must(await dialog.getByRole("button", { name: "Nhập vào sổ" }).isDisabled(), "it could be taken with a fault");
	for (const theme of ["light", "dark"]) {
		await page.emulateMedia({ colorScheme: theme });
		await page.evaluate((name) => document.documentElement.setAttribute("data-theme", name), theme);
		await clean();
		await shoot(page, `systems-import-${theme}`);
		await page.setViewportSize({ width: 390, height: 844 });
		await shoot(page, `systems-import-${theme}-phone`);
		await page.setViewportSize({ width: 1366, height: 768 });
	}
	await choice("lon.csv", head + rows.join("\n"));
	await dialog.getByText("Sẽ thêm 5.000").waitFor();
	await dialog.getByRole("button", { name: "Nhập vào sổ" }).click();
	await dialog.waitFor({ state: "detached" });
	await settled("/systems?q=nhap");
	const [taken] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
	const list = await (await import("node:fs/promises")).readFile(await taken.path(), "utf8");
	must(taken.suggestedFilename() === "danh-sach-he-thong.csv" && list.split("\r\n").length === 5002, `${taken.suggestedFilename()}: ${list.split("\n").length} lines`);
	await open();
	await choice("lai.csv", list);
	await dialog.getByText("giữ nguyên 5.000").waitFor();
	must(await dialog.getByRole("button", { name: "Nhập vào sổ" }).isDisabled(), "nothing to take could be taken");
	await page.keyboard.press("Escape");
	faults.length = 0; // a trial with faults is no fault of the browser's
});

await chapter(page, "the rules of a day, each with its mark", async () => {
	await settled("/laws?date=2026-08-18&kind=clock");
	await shown("trong 5 ngày");
	await settled("/laws?kind=clock");
	await shown("trong 72 giờ");
	await shoot(page, "laws");
	await whole();
	await page.goto(`${base}/laws?view=instruments&all=1`);
	await shown("Bị thay thế bởi");
	await shoot(page, "laws-instruments");
	await clean();
});

await chapter(page, "dark, on a phone, in English", async () => {
	await choose("dark", "en");
	for (const [path, name] of [["/systems", "systems"], ["/systems/dvc", "system"], ["/laws", "laws"]]) {
		await page.setViewportSize({ width: 1366, height: 768 });
		await settled(path);
		await whole();
		await shoot(page, `${name}-dark`);
		await page.setViewportSize({ width: 390, height: 844 });
		await shoot(page, `${name}-phone`);
	}
});

await chapter(page, "the browser complained of nothing", () => must(faults.length === 0, faults.join("\n")));
await close();
done();
