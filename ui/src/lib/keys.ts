// One keyboard grammar everywhere. Keys are known by their place (event.code), so that a Vietnamese input method never
// changes what they mean; they rest while somebody types, composes, or has a dialog open.
import { prefs } from "./prefs.svelte";

type Map = Record<string, () => void>;
const layers: Map[] = [];

/** Adds bindings until the returned function is called. The newest layer is asked first. */
export function bindKeys(map: Map) {
	layers.push(map);
	return () => void layers.splice(layers.indexOf(map), 1);
}

function typing(target: EventTarget | null) {
	if (!(target instanceof HTMLElement)) return false;
	if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
	return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}

function onKey(e: KeyboardEvent) {
	if (e.isComposing || e.keyCode === 229 || e.defaultPrevented || e.altKey || e.metaKey) return;
	if (document.querySelector("dialog[open]")) return;
	if (e.code === "Escape" && typing(e.target)) return (e.target as HTMLElement).blur();
	const name = (e.ctrlKey ? "Ctrl+" : "") + (e.shiftKey ? "Shift+" : "") + (e.code === "NumpadEnter" ? "Enter" : e.code);
	const always = e.ctrlKey || e.code === "Escape";
	if (!always && (!prefs.keys || typing(e.target))) return;
	if (e.code === "Enter" && e.target instanceof Element && e.target.closest("a,button,summary")) return;
	for (let i = layers.length - 1; i >= 0; i--) {
		const run = layers[i][name];
		if (!run) continue;
		e.preventDefault();
		run();
		return;
	}
}

addEventListener("keydown", onKey);
