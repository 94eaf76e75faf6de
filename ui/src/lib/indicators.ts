// Indicators: how they are written so that nobody clicks them, and how a long list goes up in parts.
import { t } from "./lang.svelte";

export const kinds = ["ip", "cidr", "domain", "url", "hash", "mail"];
export const tlps = ["clear", "green", "amber", "amber+strict", "red"] as const;
export const tlpName = (tlp: string) => `TLP:${tlp.toUpperCase()}`;

/** A name that a person may read and paste, but not open by accident. */
export function defanged(kind: string, value: string) {
	if (kind === "url") return value.replace(/^http/i, "hxxp").replace(/^([a-z]+:\/\/[^/]*)/i, (host) => host.replaceAll(".", "[.]"));
	return kind === "domain" || kind === "mail" ? value.replaceAll(".", "[.]") : value;
}
/** The same name as machines write it. */
export const refanged = (value: string) =>
	value.trim().replace(/^hxxp/i, "http").replace(/\[(\.|:|@)\]|\((\.)\)|\{(\.)\}/g, (_, a, b, c) => a ?? b ?? c).replace(/\[at\]/gi, "@").replace(/\[dot\]/gi, ".");

// IPv6 has "::" or all of its eight groups: a time of the day and a hardware address are none.
const ip = /^(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[^/]*::)[0-9a-f:]+(?:\.\d+){0,3}|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4})(?:\/\d+)?$/i;
const hash = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i;
const domain = /^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}$/i;
const url = /^https?:\/\/\S+$/i;
const mail = /^[^\s@]+@[^\s@]+\.[a-z]{2,}$/i;

/** What kind of indicator a value of a field could be; empty when it could be none. */
export function kindOf(name: string, value: string): string {
	if (url.test(value)) return "url";
	if (mail.test(value)) return "mail";
	if (ip.test(value)) return "ip";
	if (hash.test(value)) return "hash";
	// Names of files and of programs look like domains; only fields that hold names of hosts may offer them.
	if (domain.test(value) && /domain|dns|host|url|server|query|sni/i.test(name) && !/\.(?:exe|dll|sh|php|log|conf|ps1|bat)$/i.test(value)) return "domain";
	return "";
}

const partBytes = 700_000; // below the megabyte that one request may be, with room for what JSON adds

export function formatOf(name: string, text: string): "stix" | "misp" | "csv" | "list" {
	const head = text.trimStart().slice(0, 4000);
	if (head.startsWith("{") || head.startsWith("[")) return /"(?:Event|Attribute)"\s*:/.test(head) ? "misp" : "stix";
	return /\.csv$/i.test(name) || /^[^\n]*[,;\t][^\n]*$/m.test(head.split("\n").find((l) => l.trim() && !l.startsWith("#")) ?? "") ? "csv" : "list";
}

/** Cuts a list or a table at line ends; every part of a table begins with its head. null when a text cannot be cut. */
export function partsOf(text: string, format: string): { text: string; line: number }[] | null {
	const size = (s: string) => new Blob([JSON.stringify(s)]).size;
	if (size(text) <= partBytes) return [{ text, line: 0 }];
	if (format !== "list" && format !== "csv") return null;
	const lines = text.split("\n");
	const head = format === "csv" ? `${lines[0]}\n` : "";
	const parts: { text: string; line: number }[] = [];
	let part = "";
	let bytes = 0;
	let from = 0;
	for (let i = head ? 1 : 0; i < lines.length; i++) {
		const more = size(lines[i]);
		if (more > partBytes) return null;
		if (part && bytes + more > partBytes) {
			parts.push({ text: part, line: from });
			part = "";
		}
		if (!part) {
			part = head;
			bytes = size(head);
			from = head ? i - 1 : i; // what a line number of this part must be raised by
		}
		part += `${lines[i]}\n`;
		bytes += more;
	}
	if (part) parts.push({ text: part, line: from });
	return parts;
}

export const stateWord = (state: string) => t(`indicator.state_${state}`);
