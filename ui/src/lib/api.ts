// One door to the server. Every refusal arrives as a Problem: a status, a type that the sentences know, and the field.

import type { Fault } from "./types";

export class Problem extends Error {
	constructor(
		readonly status: number,
		readonly type: string,
		readonly title: string,
		readonly detail: string,
		readonly field: string | null,
		readonly wait = 0, // seconds, when the server asks for patience
		readonly faults: Fault[] = [], // what is wrong with a text, by line and column
	) {
		super(detail || title);
	}
	get absent() {
		return this.status === 404;
	}
	get conflict() {
		return this.status === 409 || this.status === 412;
	}
}

type Query = Record<string, string | number | null | undefined>;
interface Options {
	query?: Query;
	body?: unknown;
	version?: number;
	bytes?: Blob; // sent as it is, in place of a body of JSON
	headers?: Record<string, string>;
	signal?: AbortSignal;
	file?: boolean; // the answer is one
}

let signedOut: () => void = () => {};
/** Called once whenever the server says that nobody is signed in. */
export function onSignedOut(run: () => void) {
	signedOut = run;
}

function address(path: string, query: Query = {}) {
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query))
		if (value !== null && value !== undefined && value !== "") params.set(name, String(value));
	const text = params.toString();
	return `/api/v1/${path}${text ? `?${text}` : ""}`;
}

async function problemOf(answer: Response) {
	let body: Record<string, unknown> = {};
	try {
		body = await answer.json();
	} catch {
		// A proxy in between may answer with something else; the status says enough.
	}
	const text = (name: string) => (typeof body[name] === "string" ? (body[name] as string) : "");
	return new Problem(answer.status, text("type"), text("title") || answer.statusText, text("detail"), text("field") || null, Number(body.retry_after) || 0, Array.isArray(body.faults) ? body.faults : []);
}

async function call<T>(method: string, path: string, o: Options = {}): Promise<T> {
	const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
	if (o.bytes) headers["Content-Type"] = "application/octet-stream";
	else if (method !== "GET") headers["Content-Type"] = "application/json";
	if (o.version !== undefined) headers["If-Match"] = `"${o.version}"`;
	let answer: Response;
	try {
		answer = await fetch(address(path, o.query), {
			method,
			headers: { ...headers, ...o.headers },
			body: o.bytes ?? (o.body === undefined ? undefined : JSON.stringify(o.body)),
			signal: o.signal,
			credentials: "same-origin",
		});
	} catch (e) {
		if (e instanceof DOMException && e.name === "AbortError") throw e;
		throw new Problem(0, "", "", "", null);
	}
	if (!answer.ok) {
		const problem = await problemOf(answer);
		if (answer.status === 401 && !path.startsWith("sessions")) signedOut();
		throw problem;
	}
	if (answer.status === 204) return undefined as T;
	if (o.file) return (await answer.blob()) as T;
	const text = await answer.text();
	return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>("GET", path, { query, signal });

/** A whole list, page after page. For lists of some thousands that the page itself filters. */
export async function getAll<T>(path: string, signal?: AbortSignal): Promise<{ items: T[] }> {
	const items: T[] = [];
	let cursor: string | null = null;
	for (let pages = 0; pages < 40; pages++) {
		const page: { items: T[]; next?: string | null } = await get(path, { limit: 500, cursor }, signal);
		items.push(...page.items);
		cursor = page.next ?? null;
		if (!cursor) break;
	}
	return { items };
}
export const post = <T>(path: string, body: unknown, signal?: AbortSignal) => call<T>("POST", path, { body, signal });
export const fetchFile = (path: string, body: unknown) => call<Blob>("POST", path, { body, file: true });
export const patch = <T>(path: string, body: unknown, version: number) => call<T>("PATCH", path, { body, version });
export const put = <T>(path: string, body: unknown, version: number) => call<T>("PUT", path, { body, version });
export const remove = (path: string, version?: number) => call<void>("DELETE", path, { version });
export const send = <T>(method: string, path: string, bytes: Blob, headers: Record<string, string> = {}) => call<T>(method, path, { bytes, headers });

export const aborted = (e: unknown) => e instanceof DOMException && e.name === "AbortError";
