// Who is signed in, and what the address should be when nobody is.
import { get, onSignedOut, post, remove } from "./api";
import { startLive, stopLive } from "./live.svelte";
import { go, place, route } from "./route.svelte";
import type { Session } from "./types";

export const session = $state<{ current: Session | null; ready: boolean }>({ current: null, ready: false });

/** What this person may do; an empty list of rights leaves the answer to the server. */
export const can = (right: string) => !session.current?.rights?.length || session.current.rights.includes(right);

const outside = ["/login", "/setup", "/welcome"];
export const isOutside = () => outside.includes(route.path);

function forget() {
	session.current = null;
	stopLive();
	if (!isOutside()) go(place("/login", { next: location.pathname === "/" ? null : location.pathname + location.search }), true);
}

export async function loadSession() {
	try {
		session.current = await get<Session>("sessions/current");
		if (can("alert_read")) startLive(can("status_read"));
	} catch {
		session.current = null;
	}
	session.ready = true;
	return session.current !== null;
}

/** At the start of the page: inside, to sign in, or to set up. */
export async function enter() {
	onSignedOut(forget);
	if (route.path === "/welcome") {
		session.ready = true;
		return;
	}
	if (route.path !== "/setup" && (await loadSession())) {
		if (isOutside()) go("/", true);
		return;
	}
	let needed = false;
	try {
		needed = (await get<{ needed: boolean }>("setup")).needed;
	} catch {
		// The sign-in page will tell that the server does not answer.
	}
	session.ready = true;
	if (needed && route.path !== "/setup") go("/setup", true);
	else if (!needed && route.path === "/setup") go("/", true), await enter();
	else if (!needed && !isOutside()) forget();
}

async function arrived() {
	if (!(await loadSession())) return;
	const next = route.query.get("next") ?? "/";
	go(next.startsWith("/") && !next.startsWith("//") ? next : "/", true);
}

/** "link": nothing to be done here, he is to ask for one. */
export type Factor = "totp" | "passkey" | "recovery" | "link";
/** What is asked after the password. */
export interface Step {
	factor: Factor[];
	ticket: string;
}

/** Null: in. Else the second step that is due. */
export async function signIn(login: string, password: string): Promise<Step | null> {
	const answer = await post<Step | Session>("sessions", { login, password });
	if ("factor" in answer) return answer;
	await arrived();
	return null;
}

export async function proveFactor(ticket: string, proof: Record<string, unknown>) {
	await post("sessions/factors", { ticket, ...proof });
	await arrived();
}

export async function setUp(token: string, login: string, name: string, password: string) {
	await post("setup", { token, login, name, password });
	await arrived();
}

export async function signOut() {
	await remove("sessions/current");
	session.current = null;
	stopLive();
	go("/login");
}

export const initials = (name: string) =>
	name
		.split(/\s+/)
		.filter(Boolean)
		.map((w) => w[0])
		.slice(-2)
		.join("")
		.toUpperCase();
