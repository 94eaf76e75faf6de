// Two texts of JSON as a list of what is no longer the same, each value under its path.
export interface Difference {
	path: string;
	before: string | null;
	after: string | null;
}

const said = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function flatten(value: unknown, path: string, into: Map<string, string>) {
	if (value === undefined || value === null) return;
	if (typeof value !== "object") {
		into.set(path, said(value));
	} else if (Array.isArray(value) && value.every((one) => one === null || typeof one !== "object")) {
		into.set(path, value.map(said).join(", "));
	} else {
		for (const [name, one] of Object.entries(value)) flatten(one, path ? `${path}.${name}` : name, into);
	}
}

/** `partly`: a change names only what it changes; what it does not name stays. */
export function difference(before: unknown, after: unknown, partly = true): Difference[] {
	const was = new Map<string, string>();
	const is = new Map<string, string>();
	flatten(before, "", was);
	flatten(after, "", is);
	const paths = [...is.keys(), ...[...was.keys()].filter((path) => !is.has(path) && (!partly || !is.size))];
	return paths.filter((path) => was.get(path) !== is.get(path)).map((path) => ({ path: path || "–", before: was.get(path) ?? null, after: is.get(path) ?? null }));
}
