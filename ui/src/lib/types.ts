// The shapes that /api/v1 speaks. Times are milliseconds since 1970 (UTC).

export type Level = "informational" | "low" | "medium" | "high" | "critical";
export type State = "new" | "acknowledged" | "closed";

export interface Pair {
	name: string;
	value: string;
}
export interface Named {
	id: number | string;
	name: string;
}
export interface Contact {
	name: string;
	phone?: string | null;
	email?: string | null;
}
export interface Page<T> {
	items: T[];
	next: string | null;
	total?: number;
	stopped?: boolean;
}

export interface Alert {
	id: number;
	rule: { id: string; title: string; title_vi?: string | null; level: Level };
	level: Level;
	state: State;
	count: number;
	first_ms: number;
	last_ms: number;
	entity: Pair[];
	techniques: string[];
	organisation: Named | null;
	system: (Named & { level: number | null }) | null;
	contact: Contact | null;
	assignee: string | null;
	reason: string | null;
	version: number;
	spark: number[];
	demonstration: boolean;
}
export interface Finding {
	event_id: number;
	time_ms: number;
	matched: Pair[];
	text: string;
}
export interface Change {
	at_ms: number;
	who: string | null;
	change: string;
	reason: string | null;
}
export interface Similar {
	id: number;
	title: string;
	title_vi?: string | null;
	level: Level;
	last_ms: number;
	state: State;
}
export interface AlertDetail extends Alert {
	rule: Alert["rule"] & {
		description?: string | null;
		author?: string | null;
		file?: string | null;
		references?: string[];
		falsepositives?: string[];
		advice_vi?: string | null;
		advice_en?: string | null;
	};
	findings: Finding[];
	history: Change[];
	similar: Similar[];
}
export interface AlertPatch {
	state?: State;
	reason?: string;
	assignee?: string | null;
}

export interface EventField extends Pair {
	core: boolean;
}
export interface Event {
	id: number;
	time_ms: number;
	received_ms: number;
	host: string | null;
	source: string | null;
	decoder: string | null;
	confidence: number;
	dataset: string | null;
	text: string;
	fields: EventField[];
}
export interface EventDetail extends Event {
	raw: { text: string; base64: string; bytes: number; transport: string; peer: string; block: number; index: number } | null;
	demonstration: boolean;
}
export interface Histogram {
	from_ms: number;
	interval_ms: number;
	counts: number[];
}
export interface Top {
	items: { value: string; count: number }[];
}

export interface Source {
	id: number | string;
	name: string;
	transport: string;
	received: number;
	bytes: number;
	dropped: number;
	oversized: number;
	unparsed: number;
	refused: number;
	first_ms: number;
	last_ms: number;
	per_minute: number[];
	silent: boolean;
	system?: string | null;
	demonstration: boolean;
}
export interface Port {
	kind: string;
	address: string;
	received: number;
	kernel_drops: number;
	connections: number;
	errors: number;
}
export interface Journald {
	wanted: boolean;
	fault: string;
	received: number;
	damaged: number;
}
export interface Sources {
	items: Source[];
	ports: Port[];
	journal?: Record<string, number>;
	journald?: Journald;
}

export interface Status {
	events_per_second: number;
	events_total: number;
	lost_today: { kernel_drops: number; refused: number; oversized: number };
	alerts: { new: number; acknowledged: number; open_by_level?: Record<string, number> };
	sources: { total: number; silent: number };
	archive: { events: number; bytes: number; bytes_per_event: number; days_left: number | null };
	rules: { loaded: number; refused: number };
	stalled?: string;
	memory_bytes: number;
	version: string;
	demonstration: boolean;
	roles: { role: string; starts: number; crashes: number }[];
}

export interface System {
	id: number | string;
	name: string;
	level: number | null;
	organisation: Named | null;
	networks: string[];
	hosts: string[];
	contact: Contact | null;
	alerts_open: number;
}
export interface Organisation {
	id: number | string;
	name: string;
	kind: string;
	contact: Contact | null;
	systems: number;
	alerts_open: number;
}
export interface Rule {
	id: string;
	title: string;
	title_vi?: string | null;
	level: Level;
	status: string;
	author: string | null;
	techniques: string[];
	fired: number;
	last_ms: number | null;
	applicable: boolean;
}
export interface Session {
	login: string;
	name: string;
	role: string;
	rights: string[];
	province: string;
	demonstration: boolean;
}
