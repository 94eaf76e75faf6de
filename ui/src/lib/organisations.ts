// What the screens of agencies share: the shapes of the API, kinds in the reader's language, faults by field or row.
import { get, Problem } from "./api";
import { faultWords } from "./faults";
import { either } from "./lang.svelte";
import { wordsOf } from "./toast.svelte";
import type { Contact, Fault, Level, Named, Page } from "./types";

export interface Kind {
	id: string;
	vi: string;
	en: string;
	under: string;
}
export interface Agency {
	id: string;
	name: string;
	kind: string;
	parent: Named | null;
	from_day: string | null;
	until_day: string | null;
	state: "active" | "closed" | "planned";
	contact: Contact | null;
	systems: number;
	alerts_open: number;
	worst: Level | null;
	sources: number;
	silent: number;
	version: number;
	demonstration: boolean;
}
export interface Person {
	id: number;
	organisation: string;
	organisation_name?: string;
	name: string;
	role: string;
	phone: string;
	email: string;
	masked?: boolean;
	rank: number;
	from_day: string | null;
	until_day: string | null;
	confirmed_day: string;
	state: Agency["state"];
	version: number;
}
export interface Edge {
	id: string;
	name: string;
	day: string;
	kind: string;
}
export interface AgencyWhole extends Agency {
	names: { name: string; from_day: string | null; until_day: string | null }[];
	contacts: Person[];
	successors: Edge[];
	predecessors: Edge[];
}
export interface Moved {
	systems: number;
	contacts: number;
	accounts: number;
	keys: number;
	alerts: number;
	children: number;
	makes: boolean;
	conflicts: { kind: string; value: string; a: string; b: string }[];
}
export interface Plan {
	id: number;
	kind: string;
	date: string;
	into: string;
	state: "planned" | "done" | "withdrawn" | "failed";
	who: string;
	plan: { from: string[] };
}

let kept: Promise<Kind[]> | null = null;
export const kinds = () => (kept ??= get<Page<Kind>>("organisation-kinds").then((page) => page.items, (e) => ((kept = null), Promise.reject(e))));
export const kindName = (list: Kind[], id: string) => {
	const kind = list.find((one) => one.id === id);
	return kind ? either(kind.vi, kind.en) : id;
};

export const agencyPath = (id: string | number) => `/organisations/${encodeURIComponent(id).replaceAll(".", "%2E")}`;

/** All that a filter finds, page after page: for the grid, which shows thousands. */
export async function allAgencies(query: Record<string, string>, signal: AbortSignal) {
	const items: Agency[] = [];
	let cursor: string | null = null;
	let total = 0;
	do {
		const page: Page<Agency> = await get("organisations", { ...query, limit: 1000, cursor }, signal);
		items.push(...page.items);
		total = page.total ?? items.length;
		cursor = page.next;
	} while (cursor && items.length < 20_000);
	return { items, total };
}

/** What is wrong, in words: the fault that the server found in a field, else what it says of the whole. */
export async function troubleWords(e: unknown) {
	if (!(e instanceof Problem) || !e.faults.length) return wordsOf(e);
	const words = await faultWords();
	return words(e.faults[0] as Fault);
}

/** Longer than a year since somebody said that it is still right. */
export const isDue = (person: Person) => person.state !== "closed" && Date.now() - Date.parse(person.confirmed_day) > 365 * 86_400_000;
