// The words of a search as search_parse() reads them: name:value, "phrases", a minus before what must not be there.

const quote = (value: string) => (/^[^\s"*:=-][^\s"*]*$/.test(value) ? value : `"${value.replaceAll('"', "")}"`);

export const addTerm = (name: string, value: string, negated: boolean) => `${negated ? "-" : ""}${name}:${quote(value)}`;

/** Terms of a query, cut at blanks outside quotes. */
export const terms = (query: string) => query.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];

/** The query with one more term; its opposite goes, and it never stands twice. */
export function joinTerm(query: string, term: string) {
	const opposite = term.startsWith("-") ? term.slice(1) : `-${term}`;
	const kept = terms(query).filter((one) => one !== opposite && one !== term);
	return [...kept, term].join(" ");
}

export const withoutTerm = (query: string, term: string) => terms(query).filter((one) => one !== term).join(" ");

/** What free words of the query look for in a line, to mark it there. */
export const wordsToMark = (query: string) =>
	terms(query)
		.filter((one) => !one.startsWith("-"))
		.map((one) => one.replace(/^[A-Za-z_][\w.]*[:=]/, "").replaceAll('"', "").replace(/^\*|\*$/g, ""))
		.filter((one) => one.length > 1);
