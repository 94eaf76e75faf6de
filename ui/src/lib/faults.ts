// The sentences of what is wrong with a text that a person wrote. They are many and seldom needed: fetched when wanted.
import { language } from "./lang.svelte";
import type { Fault } from "./types";

/** A function that says a fault in the language of the page. */
export async function faultWords(): Promise<(fault: Fault) => string> {
	const table = (language() === "en" ? await import("faults:en") : await import("faults:vi")).default;
	return ({ what, arg }) => {
		const name = what.replace(/^fault\./, "");
		return (table[name] ?? name).replaceAll("{0}", arg ?? "");
	};
}
