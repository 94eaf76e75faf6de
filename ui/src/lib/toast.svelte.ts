// Short words at the edge of the screen: what happened, and the way back.
import { Problem } from "./api";
import { t } from "./lang.svelte";

export interface Toast {
	id: number;
	kind: "done" | "note" | "bad";
	text: string;
	action?: { label: string; run: () => void };
}

export const toasts = $state<Toast[]>([]);
let last = 0;

export function dismiss(id: number) {
	const i = toasts.findIndex((one) => one.id === id);
	if (i >= 0) toasts.splice(i, 1);
}

export function say(kind: Toast["kind"], text: string, action?: Toast["action"]) {
	const id = ++last;
	toasts.push({ id, kind, text, action });
	if (toasts.length > 3) toasts.shift();
	setTimeout(() => dismiss(id), action || kind === "bad" ? 10_000 : 5_000);
}

/** The words for something that went wrong: the server's own where it has some, ours for the type it names. */
export function wordsOf(e: unknown): string {
	if (e instanceof Problem) {
		if (!e.status) return t("error.unreachable");
		const ours = t(`problem.${e.type}`, e.wait);
		return e.detail || (ours.startsWith("problem.") ? e.title || t("error.status", e.status) : ours);
	}
	return e instanceof Error ? e.message : String(e);
}

export const complain = (e: unknown) => say("bad", wordsOf(e));
