// What a warning list is called: a value that is held names it by its short name alone. Fetched when it is first wanted.
import { get } from "./api";
import { either } from "./lang.svelte";
import type { Page, WarningList } from "./types";

let lists = $state.raw<WarningList[]>([]);
let asked = false;

export function listTitle(name: string): string {
	if (!asked) {
		asked = true;
		get<Page<WarningList>>("warning-lists").then((page) => (lists = page.items), () => {}); // the short name says enough
	}
	const one = lists.find((list) => list.name === name);
	return one ? either(one.title_vi, one.title) : name;
}
