// The words of a search as search_parse() (src/store/search.c) reads them: name:value, "phrases" with \" for a quote
// inside, a minus before what must not be there. A quoted value is literal; in a bare one * at either end is a wildcard.

const bare = /^[^\s"*:=-][^\s"*]*$/;
const term = /(?:"(?:\\"|[^"])*"|[^\s"])+/g;
// What stands before ':' is a name, unless the whole is an address of a page, a path with its drive, or IPv6.
const name = /^(?:[a-z_@][\w.@-]+[:=](?!\/\/|:)|[a-z][:=](?![\\/:]))/i;

const quote = (value: string) => (bare.test(value) ? value : `"${value.replaceAll('"', '\\"')}"`);

/** A test for one value of a field. No value at all is asked for by its absence. */
export function addTerm(name: string, value: string, negated: boolean) {
	if (!value) return `${negated ? "" : "-"}${name}:*`;
	return `${negated ? "-" : ""}${name}:${quote(value)}`;
}

/** Terms of a query, cut at blanks outside quotes. */
export const terms = (query: string): string[] => query.match(term) ?? [];

/** The query with one more term; its opposite goes, and it never stands twice. */
export function joinTerm(query: string, added: string) {
	const opposite = added.startsWith("-") ? added.slice(1) : `-${added}`;
	const kept = terms(query).filter((one) => one !== opposite && one !== added);
	return [...kept, added].join(" ");
}

export const withoutTerm = (query: string, gone: string) => terms(query).filter((one) => one !== gone).join(" ");

/** What the query looks for in a line, to mark it there. */
export const wordsToMark = (query: string) =>
	terms(query)
		.filter((one) => !one.startsWith("-"))
		.map((one) => one.replace(name, ""))
		.map((one) => (one.startsWith('"') ? one.slice(1, -1).replaceAll('\\"', '"') : one.replace(/^\*|\*$/g, "")))
		.filter((one) => one.length > 1);
