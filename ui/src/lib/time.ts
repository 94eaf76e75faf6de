// Dates as they are written in Viet Nam: dd/mm/yyyy, 24 hours, Asia/Ho_Chi_Minh. The zone has had one offset since 1975,
// so plain arithmetic is exact for every log we will ever read and needs no locale data.
import { language } from "./lang.svelte";

const offset = 7 * 3_600_000;
const two = (n: number) => String(n).padStart(2, "0");
const local = (ms: number) => new Date(ms + offset);

export const day = (ms: number) => {
	const d = local(ms);
	return `${two(d.getUTCDate())}/${two(d.getUTCMonth() + 1)}/${d.getUTCFullYear()}`;
};
export const clock = (ms: number, seconds = true) => {
	const d = local(ms);
	return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${seconds ? `:${two(d.getUTCSeconds())}` : ""}`;
};
export const full = (ms: number) => `${day(ms)} ${clock(ms)}`;
export const exact = (ms: number) => `${full(ms)}.${String(Math.floor(ms) % 1000).padStart(3, "0")}`;
/** The clock for today, day and clock for another day of these months, the day alone for what is older. */
export function when(ms: number) {
	if (day(ms) === day(Date.now())) return clock(ms);
	return Math.abs(Date.now() - ms) < 180 * 86_400_000 ? `${day(ms).slice(0, 5)} ${clock(ms, false)}` : day(ms);
}

/** Reads dd/mm/yyyy hh:mm[:ss] as a person types it. The browser's own date field would follow the browser's language. */
export function fromText(text: string) {
	const m = /^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[\s,]+(\d{1,2})[:h](\d{2})(?::(\d{2}))?)?\s*$/.exec(text);
	if (!m) return null;
	const [d, month, year, h, min, s] = m.slice(1).map((part) => Number(part ?? 0));
	const ms = Date.UTC(year, month - 1, d, h, min, s);
	return new Date(ms).getUTCDate() === d && month <= 12 && h < 24 && min < 60 && s < 60 ? ms - offset : null;
}

/** "3 phút trước"; of what is older than two months the day. */
export function ago(ms: number, now: number) {
	const s = Math.round((ms - now) / 1000);
	if (s < -5_184_000) return day(ms);
	const words = new Intl.RelativeTimeFormat(language(), { numeric: "auto", style: "short" });
	if (s > -60) return words.format(Math.min(s, 0), "second");
	if (s > -3600) return words.format(Math.round(s / 60), "minute");
	if (s > -172_800) return words.format(Math.round(s / 3600), "hour");
	return words.format(Math.round(s / 86_400), "day");
}
