// What is done to rules. A change names the version it was made for, which only the whole rule knows.
import { get, patch } from "./api";
import { either, language, t, word } from "./lang.svelte";
import type { Level, Rule, RuleDetail } from "./types";

export const rulePath = (id: string) => `rules/${encodeURIComponent(id)}`;
export const ruleTitle = (r: { title: string; title_vi?: string | null }) => either(r.title_vi, r.title);

/** What a rule says of itself, in the language of the page where it knows it. */
export const ruleText = (r: { description?: string | null; description_vi?: string | null }) => either(r.description_vi, r.description ?? "");
export const ruleMistakes = (r: { falsepositives?: string[]; falsepositives_vi?: string[] }) =>
	(language() === "vi" && r.falsepositives_vi?.length ? r.falsepositives_vi : (r.falsepositives ?? [])).join("; ");

/** Lists that the server left out are empty lists; a rule of which nothing else is said is on. */
export const completedRule = <T extends Rule>(r: T): T => ({ ...r, techniques: r.techniques ?? [], never_seen: r.never_seen ?? [], on: r.on ?? true });

export async function changeRule(id: string, change: { on?: boolean; level?: Level | null; reason: string }): Promise<RuleDetail> {
	const now = await get<RuleDetail>(rulePath(id));
	const changed = await patch<RuleDetail | undefined>(rulePath(id), change, now.version);
	return completedRule(changed?.id ? changed : await get<RuleDetail>(rulePath(id)));
}

/** What a rule is made of, in a word: Sigma, correlation, or the engine that speaks through it. */
export const engineWord = (r: Rule) => word("engine", r.correlation && (!r.engine || r.engine === "sigma") ? "correlation" : r.engine || "sigma");

/** How many closed alerts of the rule told the truth, 0 to 100; null when nobody has said. */
export function truth(r: Rule): number | null {
	const all = (r.closed_true ?? 0) + (r.closed_false ?? 0);
	return all ? Math.round(((r.closed_true ?? 0) * 100) / all) : null;
}

/** Nanoseconds as a person reads them. */
export function costWords(ns: number | null | undefined): string {
	if (ns === null || ns === undefined) return "–";
	if (ns < 1000) return t("rule.cost_ns", Math.round(ns));
	return t("rule.cost_us", (ns / 1000).toFixed(ns < 10_000 ? 1 : 0).replace(".", t("decimal")));
}
