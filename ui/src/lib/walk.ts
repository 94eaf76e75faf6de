// The grammar of the queue for every other list: j and k move, Enter opens the panel beside, Escape closes it, / filters.
// Where one stands is in the address: at, panel.
import { tick } from "svelte";
import { bindKeys } from "./keys";
import { change, param } from "./route.svelte";

type Id = number | string;

export async function stepTo(rows: { id: Id }[], step: number) {
	if (!rows.length) return;
	const i = rows.findIndex((row) => String(row.id) === param("at"));
	const { id } = rows[i < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, i + step))];
	change({ at: id });
	await tick();
	const row = document.querySelector<HTMLElement>(`tr[data-id="${CSS.escape(String(id))}"]`);
	row?.scrollIntoView({ block: "nearest" });
	row?.querySelector<HTMLElement>("a.title")?.focus({ preventScroll: true });
}

export const closePanel = () => change({ panel: null });

/** Binds the keys of a list until the returned function is called. `search` is the id of the field that / goes to. */
export function walk(rows: () => { id: Id }[], search: string, own: Record<string, () => void> = {}) {
	const move = (step: number) => () => void stepTo(rows(), step);
	return bindKeys({
		KeyJ: move(1),
		KeyK: move(-1),
		ArrowDown: move(1),
		ArrowUp: move(-1),
		Enter: () => (param("at") ? change({ panel: 1 }, false) : void stepTo(rows(), 1)),
		Escape: closePanel,
		Slash: () => document.getElementById(search)?.focus(),
		...own,
	});
}
