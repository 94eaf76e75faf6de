// A list of one screen as the server pages it: the filter lives in the address, the server finds and sorts.
import { aborted, get } from "./api";
import type { Page } from "./types";

type Query = Record<string, string | number | null | undefined>;
type Id = number | string;

export class List<T extends { id: Id }> {
	items = $state.raw<T[]>([]);
	total = $state(0);
	next = $state<string | null>(null);
	loading = $state(true);
	loaded = $state(false);
	error = $state<unknown>(null);
	#flight: AbortController | null = null;

	constructor(
		readonly path: string,
		readonly limit = 100,
		readonly completed: (row: T) => T = (row) => row,
	) {}

	async load(query: Query = {}, more = false) {
		this.#flight?.abort();
		const flight = (this.#flight = new AbortController());
		this.loading = true;
		try {
			const page = await get<Page<T>>(this.path, { limit: this.limit, ...query, cursor: more ? this.next : null }, flight.signal);
			const known = new Set(more ? this.items.map((row) => row.id) : []);
			const rows = (page.items ?? []).map(this.completed).filter((row) => !known.has(row.id));
			this.items = more ? [...this.items, ...rows] : rows;
			this.total = page.total ?? this.items.length;
			this.next = page.next ?? null;
			this.error = null;
			this.loaded = true;
		} catch (e) {
			if (aborted(e)) return;
			this.error = e;
		}
		if (flight === this.#flight) this.loading = false;
	}

	/** What is now known of the rows that are shown, each where it stands: nothing jumps under the hand. */
	async refresh(query: Query = {}) {
		if (this.loading || document.hidden) return;
		const before = this.items;
		const page = await get<Page<T>>(this.path, { limit: this.limit, ...query }).catch(() => null); // the next time, then
		const fresh = new Map(page?.items.map((row) => [row.id, row]));
		// What a person changed meanwhile is newer than this answer.
		if (!this.loading && this.items === before) this.items = this.items.map((row) => (fresh.has(row.id) ? this.completed({ ...row, ...fresh.get(row.id)! }) : row));
	}

	find = (id: Id) => this.items.find((row) => String(row.id) === String(id));

	/** What is now known of a row that is shown. */
	put(row: Partial<T> & { id: Id }) {
		const there = this.find(row.id) !== undefined;
		if (there) this.items = this.items.map((one) => (String(one.id) === String(row.id) ? this.completed({ ...one, ...row }) : one));
		return there;
	}

	/** A row that was just made stands on top. */
	add(row: T) {
		if (this.put(row)) return;
		this.items = [this.completed(row), ...this.items];
		this.total++;
	}

	drop(id: Id) {
		const left = this.items.filter((row) => String(row.id) !== String(id));
		this.total -= this.items.length - left.length;
		this.items = left;
	}
}
