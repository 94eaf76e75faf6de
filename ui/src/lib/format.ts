// Numbers and pieces of text as people read them.
import { language } from "./lang.svelte";

export const number = (n: number, digits = 0) => n.toLocaleString(language() === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: digits });

export function bytes(n: number) {
	const units = ["B", "KB", "MB", "GB", "TB"];
	let i = 0;
	while (n >= 1000 && i < units.length - 1) {
		n /= 1000;
		i++;
	}
	return `${number(n, n < 10 && i ? 1 : 0)} ${units[i]}`;
}

export interface Piece {
	text: string;
	hit: boolean;
}

/** Cuts a line so that every value in `values` stands alone, to be marked. Linear in practice: few, short values. */
export function pieces(line: string, values: string[]): Piece[] {
	const wanted = values.filter((v) => v.length > 1 && v.length < line.length);
	if (!wanted.length) return [{ text: line, hit: false }];
	const pattern = new RegExp(
		[...new Set(wanted)].sort((a, b) => b.length - a.length).map((v) => v.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"),
		"gi",
	);
	const cut: Piece[] = [];
	let from = 0;
	for (const m of line.matchAll(pattern)) {
		if (m.index > from) cut.push({ text: line.slice(from, m.index), hit: false });
		cut.push({ text: m[0], hit: true });
		from = m.index + m[0].length;
	}
	if (from < line.length) cut.push({ text: line.slice(from), hit: false });
	return cut;
}

/** Vietnamese text without its marks, for finding things by plain letters. */
export const plain = (text: string) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/g, "d").replace(/Đ/g, "D").toLowerCase();
/** An id that a name suggests. */
export const idOf = (name: string) => plain(name).replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 48);

export async function copy(text: string) {
	if (navigator.clipboard) return navigator.clipboard.writeText(text);
	// Plain http to another machine has no clipboard interface; the old way still works there.
	const area = document.createElement("textarea");
	area.value = text;
	document.body.append(area);
	area.select();
	document.execCommand("copy");
	area.remove();
}
