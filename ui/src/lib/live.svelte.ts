// One stream per browser. The tab that holds the lock listens to the server and passes everything on to the others;
// when it goes, the next one takes over. Six streams would use up the connections a browser allows to one server.
import type { Alert, Status } from "./types";

// `epoch` grows when everything shown should be loaded again.
export const live = $state({ status: null as Status | null, connected: false, now: Date.now(), epoch: 0 });

type Message = { alert: Alert } | { status: Status } | { connected: boolean } | { ask: true };
const listeners = new Set<(alert: Alert) => void>();
let leading = false;
let stop: (() => void) | null = null;

setInterval(() => (live.now = Date.now()), 5000);

/** Calls `run` for every alert that is new or changed, until the returned function is called. */
export function onAlert(run: (alert: Alert) => void) {
	listeners.add(run);
	return () => void listeners.delete(run);
}

function take(message: Message) {
	if ("alert" in message) for (const run of listeners) run(message.alert);
	else if ("status" in message) {
		live.status = message.status;
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

export function startLive() {
	stopLive();
	const over = new AbortController();
	const channel = new BroadcastChannel("khien-live");
	channel.addEventListener("message", (e) => {
		if (e.data.ask && leading) channel.postMessage({ connected: live.connected });
		else take(e.data);
	});
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
