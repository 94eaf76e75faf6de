// SPDX-License-Identifier: EUPL-1.2
// One's own account, in a browser against a running server: an authenticator app, recovery codes, passkeys by Chromium's
// virtual authenticator, sessions, API keys, a new password; and each way of coming in. TAP on standard output.
//
//   KHIEN_URL, KHIEN_SETUP_URL  as in story.mjs, with the name localhost: browsers give passkeys to no number
import { execSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { chapter, done, must, ok, shoot } from "./browser.mjs";
import { at, base, choose, clean, close, comeIn, context, faults, heading, login, page, password, settled, whole } from "./house.mjs";

const fresh = "một câu khác cũng dễ nhớ 2026";
const dialog = () => page.locator("dialog[open]");
const card = (words) => page.locator(".card", { hasText: words });
let secret = "";
let codes = [];
let word = password;

function totp(step) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + step));
	const mac = createHmac("sha1", key).update(counter).digest();
	return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
async function prove() {
	await dialog().locator("input[name=password]").fill(word);
	await page.keyboard.press("Enter");
}
async function out() {
	await page.click(".me");
	await page.locator("#me button:has-text('Đăng xuất')").click();
	await page.waitForURL((url) => url.pathname === "/login");
}
async function enterPassword() {
	await page.goto(`${base}/login`);
	await page.fill("input[name=login]", login);
	await page.fill("input[name=password]", word);
	await page.keyboard.press("Enter");
}
const inside = () => page.waitForURL((url) => url.pathname === "/");
async function pictures(name) {
	for (const theme of ["light", "dark"]) {
		await page.emulateMedia({ colorScheme: theme });
		await choose(theme, "vi");
		await page.reload();
		await heading();
		await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
		await clean();
		await page.setViewportSize({ width: 1366, height: 768 });
		await shoot(page, `${name}-${theme}`);
		await page.setViewportSize({ width: 390, height: 844 });
		await shoot(page, `${name}-${theme}-phone`);
		await whole();
	}
}

await chapter(page, "the first administrator comes in and finds the account from his name", async () => {
	await comeIn();
	await page.click(".me");
	await page.click("#me a[href='/account']");
	await at("/account");
	await page.locator(".card").first().waitFor();
	await whole();
}, true);

await chapter(page, "the duty screen tells until when a second step must be set up, and the role's row tells why", async () => {
	await settled("/");
	await page.locator(".due").waitFor();
	await whole();
	await pictures("duty-second");
	await page.setViewportSize({ width: 1366, height: 768 });
	await settled("/roles");
	await page.getByRole("button", { name: "Sửa operator" }).click();
	await dialog().locator("input[name=second_factor_days]").waitFor();
	must((await dialog().locator("input[name=second_factor_days]").inputValue()) === "14", "days");
	await clean();
	await dialog().locator("input[name=second_factor_days]").scrollIntoViewIfNeeded();
	await shoot(page, "roles-second");
});

await chapter(page, "an authenticator app is set up: password, picture, code; then codes for the drawer", async () => {
	await settled("/account");
	await card("Ứng dụng xác thực").getByRole("button").click();
	await dialog().locator("input[name=password]").fill("sai mật khẩu rồi");
	await page.keyboard.press("Enter");
	await dialog().locator("[role=alert]").waitFor();
	await prove();
	await dialog().locator("svg[role=img]").waitFor();
	await clean();
	await shoot(page, "account-qr");
	secret = (await dialog().locator("code").textContent()).replaceAll(" ", "");
	must(secret.length === 32, secret);
	await dialog().locator("input[name=code]").fill(totp(0) === "000000" ? "000001" : "000000");
	await page.keyboard.press("Enter");
	await dialog().locator("[role=alert]").waitFor();
	await dialog().locator("input[name=code]").fill(totp(-1));
	await page.keyboard.press("Enter");
	await dialog().locator("input[name=password]").waitFor(); // the drawer
	await prove();
	await dialog().locator("li code").first().waitFor();
	codes = await dialog().locator("li code").allTextContents();
	must(codes.length === 10, codes.join());
	await clean();
	await shoot(page, "account-codes");
	await dialog().locator("input[type=checkbox]").check();
	await dialog().locator(".foot .main").click();
	await page.locator(".tag.on", { hasText: "10" }).waitFor();
	await settled("/");
	must((await page.locator(".due").count()) === 0, "the duty screen still asks for a second step");
});

await chapter(page, "the next sign-in asks for a code, and a wrong one does not do", async () => {
	await out();
	await enterPassword();
	await page.locator("input[name=code]").waitFor();
	await clean();
	await shoot(page, "login-code");
	await page.setViewportSize({ width: 390, height: 844 });
	await shoot(page, "login-code-phone");
	await page.setViewportSize({ width: 1366, height: 768 });
	await page.fill("input[name=code]", totp(0) === "123456" ? "123457" : "123456");
	await page.keyboard.press("Enter");
	await page.locator("[role=alert]").waitFor();
	await page.fill("input[name=code]", totp(1));
	await page.keyboard.press("Enter");
	await inside();
});

const cdp = await context.newCDPSession(page);
await cdp.send("WebAuthn.enable");
const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
	options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
});

await chapter(page, "a passkey is added, and leads in behind the password", async () => {
	await settled("/account");
	await card("Khóa truy cập").getByRole("button").click();
	await dialog().locator("input[name=name]").fill("Máy tính cơ quan");
	await prove();
	await page.locator(".card li", { hasText: "Máy tính cơ quan" }).waitFor();
	const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
	must(credentials.length === 1 && credentials[0].rpId === "localhost", JSON.stringify(credentials));
	await out();
	await enterPassword();
	await page.getByRole("button", { name: "Dùng khóa truy cập" }).waitFor();
	await clean();
	await shoot(page, "login-passkey");
	await page.keyboard.press("Tab");
	await page.getByRole("button", { name: "Dùng khóa truy cập" }).click();
	await inside();
});

await chapter(page, "it leads in alone, because it knows its user; one that does not know him does not", async () => {
	await out();
	await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
	await page.goto(`${base}/login`);
	await page.getByRole("button", { name: "Đăng nhập bằng khóa truy cập" }).click();
	await page.locator("[role=alert]").waitFor();
	await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
	await page.getByRole("button", { name: "Đăng nhập bằng khóa truy cập" }).click();
	await inside();
});

await chapter(page, "a copy of the passkey is noticed by its counter", async () => {
	const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
	await cdp.send("WebAuthn.removeCredential", { authenticatorId, credentialId: credentials[0].credentialId });
	await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credentials[0], signCount: 0 } });
	await out();
	await page.goto(`${base}/login`);
	await page.getByRole("button", { name: "Đăng nhập bằng khóa truy cập" }).click();
	await page.locator("[role=alert]", { hasText: "sao chép" }).waitFor();
});

await chapter(page, "a recovery code leads in, once", async () => {
	await enterPassword();
	await page.getByRole("button", { name: "Dùng mã khôi phục" }).click();
	await page.fill("input[name=recovery]", codes[0]);
	await page.keyboard.press("Enter");
	await inside();
	await settled("/account");
	await page.locator(".tag.on", { hasText: /^9$/ }).waitFor();
});

await chapter(page, "a key for a program is made for little, shown once and revoked", async () => {
	await settled("/account");
	await page.getByRole("button", { name: "Tạo khóa API" }).click();
	await dialog().locator("input[name=name]").fill("Bảng theo dõi <b>x</b>");
	await dialog().locator("input[value=alert_read]").check();
	await clean();
	await shoot(page, "account-key");
	await prove();
	const key = await dialog().locator("li code").textContent();
	must(key.length === 43, key);
	const status = await page.evaluate((k) => Promise.all(["alerts", "rules"].map((p) => fetch(`/api/v1/${p}`, { headers: { Authorization: `Bearer ${k}` }, credentials: "omit" }).then((r) => r.status))), key);
	must(status.join() === "200,403", status.join());
	faults.length = 0; // the 403 that was wanted
	await dialog().locator("input[type=checkbox]").check();
	await dialog().locator(".foot .main").click();
	await page.getByRole("button", { name: /^Thu hồi khóa/ }).click();
	await page.locator("tr.over", { hasText: "đã thu hồi" }).waitFor();
});

await chapter(page, "some time later the second step is asked again before anything changes, and the password before a session ends", async () => {
	execSync(process.env.KHIEN_LATER);
	await settled("/account");
	await card("Mã khôi phục").getByRole("button").click();
	await prove();
	await dialog().getByRole("button", { name: "Dùng khóa truy cập" }).waitFor();
	await clean();
	await shoot(page, "account-second");
	await dialog().getByRole("button", { name: "Dùng mã khôi phục" }).click();
	await dialog().locator("input[name=code]").fill(codes[9]);
	await page.keyboard.press("Enter");
	await dialog().locator("li code").first().waitFor();
	codes = await dialog().locator("li code").allTextContents();
	await dialog().locator("input[type=checkbox]").check();
	await dialog().locator(".foot .main").click();
	await page.evaluate(async ([login, password, recovery]) => {
		const send = (path, body) => fetch(`/api/v1/${path}`, { method: "POST", credentials: "omit", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
		const { ticket } = await (await send("sessions", { login, password })).json();
		await send("sessions/factors", { ticket, recovery }); // another browser, with a session of its own
	}, [login, word, codes[0]]);
	await settled("/account");
	execSync(process.env.KHIEN_LATER);
	await page.getByRole("button", { name: "Kết thúc các phiên khác" }).click();
	await prove();
	await page.locator("text=Các phiên khác đã kết thúc").first().waitFor();
	await card("Mã khôi phục").getByRole("button").click();
	await prove();
	await dialog().getByRole("button", { name: "Dùng mã khôi phục" }).click();
	await dialog().locator("input[name=code]").fill(codes[1]);
	await page.keyboard.press("Enter");
	await dialog().locator("li code").first().waitFor();
	await dialog().locator("input[type=checkbox]").check();
	await dialog().locator(".foot .main").click();
});

await chapter(page, "a new password, and the other sessions end", async () => {
	await settled("/account");
	must((await page.locator("section[aria-labelledby=a-sessions] tbody tr").count()) >= 1, "no session is listed");
	await page.getByRole("button", { name: "Đổi mật khẩu" }).click();
	await dialog().locator("input[name=new_password]").fill(fresh);
	await dialog().locator("input[name=again]").fill(fresh);
	await prove();
	await page.locator("text=Đã đổi mật khẩu").first().waitFor();
	word = fresh;
	await page.waitForFunction(() => document.querySelectorAll("section[aria-labelledby=a-sessions] tbody tr").length === 1);
});

await chapter(page, "whose sign-in failed, and who asked for what he may not, stands beside the record", async () => {
	await settled("/record");
	await page.getByRole("button", { name: "Bị từ chối" }).click();
	await page.locator("table[data-refused] tr", { hasText: "sai mã của ứng dụng xác thực" }).first().waitFor();
	await page.locator("table[data-refused] tr", { hasText: "GET /api/v1/rules" }).waitFor(); // what was refused just now
	const edge = await page.locator(".rows .bar button").last().evaluate((e) => e.getBoundingClientRect().left - e.closest(".rows").getBoundingClientRect().left);
	must(edge >= 10, `what one chooses by stands ${edge} px from the edge`);
	await whole();
	await page.evaluate(() => fetch("/api/v1/people", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }));
	await page.locator("table[data-refused] tr", { hasText: "POST /api/v1/people" }).first().waitFor({ timeout: 60_000 }); // by itself
	await page.getByRole("button", { name: "Đăng nhập", exact: true }).click();
	await page.waitForURL((url) => url.searchParams.get("kind") === "0");
	await page.locator("table[data-refused] tr", { hasText: "POST /api/v1/people" }).first().waitFor({ state: "detached" });
	await pictures("record-refused");
	await page.setViewportSize({ width: 1366, height: 768 });
});

await chapter(page, "light and dark, desk and phone: nothing is cut off and axe finds nothing", async () => {
	await settled("/account");
	await pictures("account");
	await page.setViewportSize({ width: 1366, height: 768 });
	await choose("light", "en");
	await page.reload();
	await page.locator(".card").first().waitFor();
	await shoot(page, "account-english");
});

ok(faults.filter((f) => !/40[139]|422/.test(f)).length === 0, "the page complained of nothing", faults.join("\n"));
await close();
done();
