// What the screens of information systems share: the shapes of the API, what each part of a system is made of, days.
import { word } from "./lang.svelte";
import type { Contact, Named } from "./types";

export interface LawRule {
	id: string;
	kind: string;
	instrument: string;
	number: string;
	article: string;
	text_vi: string;
	text_en: string | null;
	from: string | null;
	until: string | null;
	in_force: boolean;
	mark: "read" | "secondary" | "plan" | "assumed";
	level?: number;
	list?: string;
	code?: string;
	when?: { fact: string; value?: string[]; at_least?: number; below?: number }[];
	[other: string]: unknown;
}
export interface Instrument {
	id: string;
	number: string;
	about_vi: string;
	about_en: string;
	issuer: string;
	from: string | null;
	until: string | null;
	in_force: boolean;
	mark: LawRule["mark"];
	source: string;
	note: string | null;
	replaces: string[];
}
export interface Laws {
	date: string;
	instruments: Instrument[];
	items: LawRule[];
}
export type Layer = "none" | "planned" | "partly" | "in_place" | "expired";
export interface SystemRow {
	id: string;
	name: string;
	level: number;
	organisation: Named;
	class: string | null;
	sector: string | null;
	critical: boolean;
	separated: boolean;
	from_day: string | null;
	until_day: string | null;
	demonstration: boolean;
	version: number;
	networks: string[];
	hosts: string[];
	domains: string[];
	contact: Contact | null;
	alerts_open: number;
	ending: number;
	ending_day: string | null;
	protection: Layer[];
}
export type Part = Record<string, unknown> & { id: number; status?: string };
export interface SystemWhole extends SystemRow {
	note: string;
	own_contact: Contact | null; // who may not see it does not change it
	facts: Record<string, string | number>;
	law: { date: string; criterion: LawRule | null; one_way: boolean; one_way_rule: LawRule | null };
	overlaps: { value: string; other: string | null; system: string | null; name: string | null }[];
	layer_rules: (LawRule | null)[];
	parties: Part[];
	levels: Part[];
	applications: Part[];
	layers: Part[];
	devices: Part[];
	licences: Part[];
}

export interface Member {
	name: string;
	form: "text" | "day" | "word" | "organisation" | "flag" | "number";
	needed?: boolean;
	words?: string[];
	wide?: boolean;
}
const note: Member = { name: "note", form: "text", wide: true };
/** As part_kinds in src/register/inventory_part.c has it. */
export const members: Record<string, Member[]> = {
	parties: [
		{ name: "role", form: "word", needed: true, words: ["owner", "operator", "monitor", "assessor", "provider"] },
		{ name: "organisation", form: "organisation", needed: true, wide: true },
		{ name: "from_day", form: "day" },
		{ name: "until_day", form: "day" },
		note,
	],
	levels: [
		{ name: "level", form: "word", needed: true, words: ["1", "2", "3", "4", "5"] },
		{ name: "day", form: "day", needed: true },
		{ name: "number", form: "text" },
		note,
	],
	applications: [
		{ name: "name", form: "text", needed: true, wide: true },
		{ name: "vendor", form: "text" },
		{ name: "release", form: "text" },
		{ name: "exposure", form: "word", needed: true, words: ["internet", "internal", "none"] },
		note,
	],
	layers: [
		{ name: "state", form: "word", needed: true, words: ["none", "planned", "partly", "in_place"] },
		{ name: "until_day", form: "day" },
		{ name: "organisation", form: "organisation", wide: true },
		{ name: "evidence", form: "text", wide: true },
		{ name: "number", form: "text" },
		{ name: "file", form: "number" },
	],
	devices: [
		{ name: "name", form: "text", needed: true, wide: true },
		{ name: "serial", form: "text" },
		{ name: "place", form: "text" },
		{ name: "origin", form: "word", needed: true, words: ["bought", "donated", "leased", "other"] },
		{ name: "source", form: "text" },
		{ name: "received_day", form: "day" },
		{ name: "in_use", form: "flag" },
		{ name: "result", form: "word", words: ["", "cleared", "refused"] },
		{ name: "cleared_by", form: "text" },
		{ name: "cleared_day", form: "day" },
		note,
	],
	licences: [
		{ name: "kind", form: "word", needed: true, words: ["certificate", "signature", "software", "domain", "service", "other"] },
		{ name: "subject", form: "text", needed: true, wide: true },
		{ name: "issuer", form: "text" },
		{ name: "number", form: "text" },
		{ name: "from_day", form: "day" },
		{ name: "until_day", form: "day", needed: true },
		note,
	],
};

const groups: Record<string, (name: string) => string> = {
	parties: (name) => word("parties", name),
	applications: (name) => word("applications", name),
	layers: (name) => word("layers", name),
	devices: (name) => word("devices", name),
	licences: (name) => word("licences", name),
};
/** The word of one choice of a member: choice("devices", "origin_bought"). */
export const choice = (noun: string, name: string) => groups[noun]?.(name) ?? name;

export const classes = ["internal", "service", "infrastructure", "industrial_control", "other"];

/** "2026-07-01" as people write it, and back: empty when there is none, null when that is no day. */
export const dayText = (day: string | null | undefined) => (day ? `${day.slice(8)}/${day.slice(5, 7)}/${day.slice(0, 4)}` : "");
export function dayOf(text: string): string | null {
	const m = /^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\s*$/.exec(text);
	if (!text.trim()) return "";
	if (!m) return /^\d{4}-\d\d-\d\d$/.test(text.trim()) ? text.trim() : null;
	const [d, month, year] = m.slice(1).map(Number);
	const date = new Date(Date.UTC(year, month - 1, d));
	return date.getUTCDate() === d && date.getUTCMonth() === month - 1 ? date.toISOString().slice(0, 10) : null;
}
export const today = () => new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);

export const named = (v: unknown): Named | null => (v && typeof v === "object" ? (v as Named) : null);
// A dot in the last part of an address would ask for a file.
export const systemPath = (id: string) => `/systems/${encodeURIComponent(id).replaceAll(".", "%2E")}`;
export const lawPath = (rule: LawRule) => `/laws?q=${encodeURIComponent(rule.id)}&all=1`;
