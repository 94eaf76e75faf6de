// The alert queue of one screen: a page from the server, kept fresh by the live stream. Rows that are new wait outside
// until they are asked for, so that nothing moves under the hand that is about to act.
import { aborted, get } from "./api";
import { plain } from "./format";
import { weight } from "./levels";
import type { Alert, Page } from "./types";

export interface Filter {
	state: string;
	level: string;
	system: string;
	organisation: string;
	rule: string;
	verdict: string;
	q: string;
	mine: string; // login whose alerts are wanted, or empty
}

const openStates = ["new", "acknowledged"];

function matches(a: Alert, f: Filter) {
	if (f.state === "open" ? !openStates.includes(a.state) : f.state !== "all" && a.state !== f.state) return false;
	if (f.level && !f.level.split(",").includes(a.level)) return false;
	if (f.system && String(a.system?.id) !== f.system) return false;
	if (f.organisation && String(a.organisation?.id) !== f.organisation) return false;
	if (f.rule && a.rule.id !== f.rule) return false;
	if (f.verdict && a.verdict !== f.verdict) return false;
	if (f.mine && a.assignee !== f.mine) return false;
	if (!f.q) return true;
	const text = [a.rule.title, a.rule.title_vi, a.organisation?.name, a.system?.name, ...(a.techniques ?? []), ...(a.entity ?? []).map((e) => e.value)].join(" ");
	return plain(text).includes(plain(f.q));
}

const orders: Record<string, (a: Alert, b: Alert) => number> = {
	level: (a, b) => weight(b.level) - weight(a.level) || b.last_ms - a.last_ms,
	count: (a, b) => b.count - a.count,
	last: (a, b) => b.last_ms - a.last_ms,
};

const most = 100; // rows that wait; more would only make the page slow

/** Lists that the server left out are empty lists. */
export const completed = <T extends Alert>(a: T): T => ({ ...a, entity: a.entity ?? [], techniques: a.techniques ?? [], spark: a.spark ?? [] });

export class Queue {
	items = $state.raw<Alert[]>([]);
	held = $state.raw<Alert[]>([]);
	total = $state(0);
	next = $state<string | null>(null);
	loading = $state(true);
	error = $state<unknown>(null);
	#filter: Filter | null = null;
	#flight: AbortController | null = null;

	async load(filter: Filter, more = false) {
		this.#flight?.abort();
		const flight = (this.#flight = new AbortController());
		this.#filter = filter;
		this.loading = true;
		this.error = null;
		try {
			const { mine, ...query } = filter;
			const page = await get<Page<Alert>>("alerts", { ...query, limit: 100, cursor: more ? this.next : null }, flight.signal);
			const rows = page.items.map(completed).filter((a) => !mine || a.assignee === mine);
			const known = new Set(more ? this.items.map((a) => a.id) : []);
			this.items = more ? [...this.items, ...rows.filter((a) => !known.has(a.id))] : rows;
			if (!more) this.held = [];
			this.total = mine ? this.items.length : (page.total ?? this.items.length);
			this.next = page.next;
		} catch (e) {
			if (aborted(e)) return;
			this.error = e;
		}
		if (flight === this.#flight) this.loading = false;
	}

	find = (id: number) => this.items.find((a) => a.id === id);

	/** A row we already show, with what is now known of it. Older versions than ours are not news. */
	put(alert: Alert) {
		const mine = this.find(alert.id);
		if (mine && alert.version >= mine.version) this.items = this.items.map((a) => (a.id === alert.id ? { ...a, ...completed(alert) } : a));
		return mine !== undefined;
	}

	/** From the live stream. */
	arrive(alert: Alert) {
		if (this.put(alert) || !this.#filter) return;
		const others = this.held.filter((a) => a.id !== alert.id);
		this.held = (matches(alert, this.#filter) ? [completed(alert), ...others] : others).slice(0, most);
		if (!this.items.length && !this.loading) this.release(); // nothing stands there that could move
	}

	/** Lets the waiting rows in, on top; after a flood the page is fetched anew instead. */
	release() {
		if (this.held.length === most && this.#filter) return void this.load(this.#filter);
		this.items = [...this.held, ...this.items];
		this.total += this.held.length;
		this.held = [];
	}

	sorted(by: string) {
		const order = orders[by.replace(/^-/, "")];
		if (!order) return this.items;
		const rows = [...this.items].sort(order);
		return by.startsWith("-") ? rows.reverse() : rows;
	}
}
