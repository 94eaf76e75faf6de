// What is done to alerts, and how it is undone. Every change names the version it was made for; when somebody else was
// first, theirs is fetched and shown, and nothing is overwritten.
import { get, patch, Problem } from "./api";
import { t } from "./lang.svelte";
import type { Queue } from "./queue.svelte";
import { complain, say } from "./toast.svelte";
import type { Alert, AlertPatch } from "./types";

interface Done {
	id: number;
	back: AlertPatch;
}
const past: Done[][] = [];

// One after the other: the stream may show a change before its answer is here, and who undoes it at once means that one.
let turn: Promise<unknown> = Promise.resolve();
const inTurn = (work: () => Promise<void>) => (turn = turn.then(work)) as Promise<void>;

// Only its numbers grew since we looked: no decision of anybody would be overwritten.
const onlyGrew = (seen: Alert, now: Alert) => seen.state === now.state && seen.assignee === now.assignee && seen.reason === now.reason;

async function changeOne(queue: Queue, seen: Alert, change: AlertPatch): Promise<Alert | null> {
	let alert = seen;
	for (let tries = 0; tries < 4; tries++) {
		try {
			const changed = await patch<Alert>(`alerts/${alert.id}`, change, alert.version);
			queue.put(changed);
			return changed;
		} catch (e) {
			if (!(e instanceof Problem) || !e.conflict) throw e;
		}
		alert = await get<Alert>(`alerts/${alert.id}`);
		queue.put(alert);
		if (!onlyGrew(seen, alert)) return null;
	}
	return null;
}

function backOf(alert: Alert): AlertPatch {
	return alert.state === "closed"
		? { state: "closed", reason: alert.reason ?? t("triage.reason_again"), verdict: alert.verdict ?? undefined, assignee: alert.assignee }
		: { state: alert.state, assignee: alert.assignee };
}

async function run(queue: Queue, alerts: Alert[], changeOf: (a: Alert) => AlertPatch) {
	const done: Done[] = [];
	let late = 0;
	for (const alert of alerts) {
		const changed = await changeOne(queue, alert, changeOf(alert));
		if (changed) done.push({ id: alert.id, back: backOf(alert) });
		else late++;
	}
	if (late) say("bad", t("triage.conflict", late));
	return done;
}

/** Changes alerts one after the other; `words` says what was done, {0} is how many. */
export const triage = (queue: Queue, alerts: Alert[], change: AlertPatch, words: string) => inTurn(() => act(queue, alerts, change, words));

async function act(queue: Queue, alerts: Alert[], change: AlertPatch, words: string) {
	try {
		const done = await run(queue, alerts, () => change);
		if (!done.length) return;
		past.push(done);
		say("done", t(words, done.length), { label: t("triage.undo"), run: () => void undo(queue) });
	} catch (e) {
		complain(e);
	}
}

export const undo = (queue: Queue) => inTurn(() => takeBack(queue));

async function takeBack(queue: Queue) {
	const last = past.pop();
	if (!last) return say("note", t("triage.nothing"));
	try {
		const back = new Map(last.map((one) => [one.id, one.back]));
		const alerts = await Promise.all(last.map((one) => queue.find(one.id) ?? get<Alert>(`alerts/${one.id}`)));
		const done = await run(queue, alerts, (a) => back.get(a.id)!);
		if (done.length) say("done", t("triage.undone", done.length));
	} catch (e) {
		complain(e);
	}
}
