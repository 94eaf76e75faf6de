// What a person chose for this browser. Kept in localStorage, nowhere else.
import type { Language } from "./lang.svelte";
import { setLanguage } from "./lang.svelte";

export interface Preferences {
	language: Language;
	theme: "auto" | "light" | "dark";
	density: "comfortable" | "compact";
	keys: boolean;
}

const place = "khien.preferences";
const usual: Preferences = { language: "vi", theme: "auto", density: "comfortable", keys: true };

function read(): Preferences {
	try {
		return { ...usual, ...JSON.parse(localStorage.getItem(place) ?? "{}") };
	} catch {
		return { ...usual };
	}
}

export const prefs = $state<Preferences>(read());

export async function prefer(change: Partial<Preferences>) {
	Object.assign(prefs, change);
	try {
		localStorage.setItem(place, JSON.stringify(prefs));
	} catch {
		// Private windows may refuse; the choice then lasts as long as the page.
	}
	await applyPreferences();
}

export async function applyPreferences() {
	document.documentElement.dataset.theme = prefs.theme;
	document.documentElement.dataset.density = prefs.density;
	await setLanguage(prefs.language === "en" ? "en" : "vi");
}
