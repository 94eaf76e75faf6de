// One stream per browser. The tab that holds the lock listens to the server and passes everything on to the others;
// when it goes, the next one takes over. Six streams would use up the connections a browser allows to one server.
import { get } from "./api";
import type { Alert, Status } from "./types";

// `epoch` grows when everything shown should be loaded again.
export const live = $state({ status: null as Status | null, connected: false, now: Date.now(), epoch: 0 });

// What else the stream tells of: work that takes its time. The newest state of it is all that is passed on.
const topics = ["lookback", "sweep", "file"] as const;
export type Topic = (typeof topics)[number];

type Message = { alert: Alert } | { topic: Topic; data: { id?: number | string } } | { status: Status } | { connected: boolean } | { ask: true };
const nothing: Status = {
	events_per_second: 0,
	events_total: 0,
	lost_today: { kernel_drops: 0, refused: 0, oversized: 0 },
	alerts: { new: 0, acknowledged: 0 },
	sources: { total: 0, silent: 0 },
	archive: { events: 0, bytes: 0, bytes_per_event: 0, days_left: null },
	rules: { loaded: 0, refused: 0 },
	content_faults: 0,
	memory_bytes: 0,
	version: "",
	demonstration: false,
	roles: [],
};
const listeners = new Set<(alert: Alert) => void>();
const told = new Map<Topic, Set<(data: { id?: number | string }) => void>>();
let leading = false;
let stop: (() => void) | null = null;

setInterval(() => (live.now = Date.now()), 5000);

/** Calls `run` for every alert that is new or changed, until the returned function is called. */
export function onAlert(run: (alert: Alert) => void) {
	listeners.add(run);
	return () => void listeners.delete(run);
}

/** Calls `run` with what the stream says about a piece of work, until the returned function is called. */
export function onTold<T extends { id?: number | string }>(topic: Topic, run: (data: T) => void) {
	const set = told.get(topic) ?? new Set();
	told.set(topic, set.add(run as (data: { id?: number | string }) => void));
	return () => void set.delete(run as (data: { id?: number | string }) => void);
}

function take(message: Message) {
	if ("alert" in message) for (const run of listeners) run(message.alert);
	else if ("topic" in message) for (const run of told.get(message.topic) ?? []) run(message.data);
	else if ("status" in message) {
		live.status = { ...nothing, ...message.status };
		live.connected = true;
	} else if ("connected" in message) live.connected = message.connected;
}

function listen(send: (m: Message) => void, over: AbortSignal) {
	let stream: EventSource | null = null;
	let timer: ReturnType<typeof setTimeout>;
	const open = () => {
		stream = new EventSource("/api/v1/stream");
		stream.addEventListener("open", () => send({ connected: true }));
		stream.addEventListener("alert", (e) => send({ alert: JSON.parse(e.data) }));
		stream.addEventListener("status", (e) => send({ status: JSON.parse(e.data) }));
		for (const topic of topics) stream.addEventListener(topic, (e) => send({ topic, data: JSON.parse(e.data) }));
		stream.addEventListener("error", () => {
			send({ connected: false });
			if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
			clearTimeout(timer);
			timer = setTimeout(open, 5000);
		});
	};
	open();
	over.addEventListener("abort", () => {
		clearTimeout(timer);
		stream?.close();
	});
}

/** `status`: whether this person may ask how the house is. */
export function startLive(status: boolean) {
	stopLive();
	const over = new AbortController();
	const channel = new BroadcastChannel("khien-live");
	channel.addEventListener("message", (e) => {
		if (e.data.ask && leading) channel.postMessage({ connected: live.connected });
		else take(e.data);
	});
	if (status) get<Status>("status", {}, over.signal).then((status) => live.status ?? take({ status }), () => {}); // the stream tells in a moment
	const send = (m: Message) => {
		take(m);
		channel.postMessage(m);
	};
	if (navigator.locks) {
		channel.postMessage({ ask: true });
		const held = () =>
			new Promise<void>((done) => {
				leading = true;
				listen(send, over.signal);
				over.signal.addEventListener("abort", () => done());
			});
		navigator.locks.request("khien-live", { signal: over.signal }, held).catch(() => {});
	} else {
		listen(take, over.signal); // no locks outside a secure context: each tab listens for itself
	}
	stop = () => {
		over.abort();
		channel.close();
		leading = false;
		live.status = null;
		live.connected = false;
	};
}

export function stopLive() {
	stop?.();
	stop = null;
}
