// Sentences: one small table per language, fetched when it is first wanted.

export type Language = "vi" | "en";

let table = $state.raw<Record<string, string>>({});
let code = $state<Language>("vi");

let office = false; // the second table is wanted too

export async function setLanguage(wanted: Language) {
	const made = wanted === "en" ? await import("lang:en") : await import("lang:vi");
	table = office ? { ...made.default, ...(await officeSentences(wanted)) } : made.default;
	code = wanted;
	document.documentElement.lang = wanted;
}

const officeSentences = async (wanted: Language) => (wanted === "en" ? await import("office:en") : await import("office:vi")).default;

/** A screen of the register or the administration: what such screens say comes with the first of them. */
export const officeScreen = <T>(load: () => Promise<T>) => async (): Promise<T> => {
	if (!office) {
		const more = await officeSentences(code);
		office = true;
		table = { ...table, ...more };
	}
	return load();
};

export const language = () => code;

/** The sentence of a key with {0}, {1} filled in; the key itself when there is none. */
export function t(key: string, ...args: (string | number)[]): string {
	const text = table[key] ?? key;
	return args.length ? text.replace(/\{(\d)\}/g, (_, i) => String(args[+i] ?? "")) : text;
}

/** A word of a group whose names the server chooses; a name we do not know stands for itself. */
export const word = (group: string, name: string | null | undefined) => table[`${group}.${name}`] ?? name ?? "";

/** A name that exists in both languages: Vietnamese where it is there and wanted. */
export function either(vi: string | null | undefined, en: string): string {
	return code === "vi" && vi ? vi : en;
}
