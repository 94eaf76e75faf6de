// What correlations, flow analytics and indicators saw, in words: no field of an event, but a number beside its threshold.
// The sentences are many and wanted by an open alert alone: they are fetched with the first one.
import { bytes, number } from "./format";
import { tlpName } from "./indicators";
import { language } from "./lang.svelte";
import type { Pair } from "./types";

type Unit = "count" | "tlp" | "decimal" | "percent" | "seconds" | "hours" | "bytes" | "hour_of_week" | "word";

const units: Record<string, Unit> = {
	event_count: "count", value_count: "count", temporal: "count", temporal_ordered: "count",
	value_sum: "decimal", value_avg: "decimal", value_median: "decimal", value_percentile: "decimal",
	hosts: "count", ports: "count", servers: "count", connections: "count", flows: "count", queries: "count", names: "count",
	weeks: "count", failed_percent: "percent", jitter_percent: "percent", even_percent: "percent", rare_type_percent: "percent",
	mean_length: "decimal", entropy_bits: "decimal", ratio: "decimal", window_s: "seconds", period_s: "seconds", span_s: "seconds",
	query_bytes: "bytes", asked_bytes: "bytes", answered_bytes: "bytes", bytes_out: "bytes", usual_bytes_out: "bytes",
	"indicator.source": "word", "indicator.confidence": "percent", "indicator.tlp": "tlp", "indicator.note": "word",
	known_for_hours: "hours", hour_of_week: "hour_of_week", role: "word", reason: "word", truncated: "word",
};
/** Those that must stay below their threshold; the others must reach it. */
const small = ["jitter_percent", "known_for_hours"];
const limit = "limit.";
/** How a correlation's bound begins when it is not "at least". */
const signs: Record<string, string> = { ">": "more", "<": "less", "<=": "most", "=": "exactly", "!=": "other" };

const counts = /^(event_count|temporal|temporal_ordered|value_(count|sum|avg|median|percentile)|indicator\.value)$/;

// A device may call a field of its own "reason": only beside a threshold, an indicator or what a correlation counts is it
// a measure.
function isMeasure(matched: Pair[]): (p: Pair) => boolean {
	const told = matched.some((p) => p.name.startsWith(limit) || counts.test(p.name));
	return (p) => told && (Object.hasOwn(units, p.name) || p.name.startsWith(limit));
}

/** What matched without the measures: fields of events, which can be searched for and excepted. */
export const fieldsOf = (matched: Pair[]) => matched.filter((p) => !isMeasure(matched)(p));

const unit = (value: number, name: string) =>
	new Intl.NumberFormat(language(), { style: "unit", unit: name, unitDisplay: "long", maximumFractionDigits: 1 }).format(value);

function span(seconds: number): string {
	const [name, length] = ([["day", 86_400], ["hour", 3600], ["minute", 60]] as const).find(([, l]) => seconds >= 2 * l || seconds === l) ?? ["second", 1];
	return unit(seconds / length, name);
}

function hourOfWeek(hour: number): string {
	const at = new Date(Date.UTC(2024, 0, 1, hour)); // a Monday, where the count begins
	return at.toLocaleString(language() === "vi" ? "vi-VN" : "en-GB", { weekday: "long", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
}

export interface Measure {
	name: string;
	label: string;
	value: string;
}

/** A function that says the measures of a finding, each with its threshold, in the language of the page. */
export async function measureWords(): Promise<(matched: Pair[]) => Measure[]> {
	const table: Record<string, string> = (language() === "en" ? await import("measure:en") : await import("measure:vi")).default;
	const say = (name: string, text: string): string => {
		const kind = units[name], value = Number(text);
		if (kind === "tlp") return tlpName(text);
		if (kind === "word" || !text || !Number.isFinite(value)) return table[`${name}_${text}`] ?? text;
		if (kind === "percent") return `${number(value, 1)} %`;
		if (kind === "seconds") return span(value);
		if (kind === "hours") return unit(value, "hour");
		if (kind === "bytes") return bytes(value);
		return kind === "hour_of_week" ? hourOfWeek(value) : number(value, kind === "decimal" ? 2 : 0);
	};
	const bound = (name: string, text: string): string => {
		const [, sign, number] = /^([<>=!]*)(.*)$/.exec(text)!;
		return (table[signs[sign] ?? (small.includes(name) ? "most" : "least")] ?? "{0}").replace("{0}", say(name, number));
	};
	return (matched) =>
		matched.filter((p) => !p.name.startsWith(limit) && isMeasure(matched)(p)).map(({ name, value }) => {
			const bounds = matched.filter((p) => p.name === limit + name).map((p) => bound(name, p.value)).join(", ");
			const beside = bounds && (table.limit ?? "({0})").replace("{0}", bounds);
			return { name, label: table[name] ?? name, value: beside ? `${say(name, value)} ${beside}` : say(name, value) };
		});
}
