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
	masked?: boolean; // the server tells it to who says what for
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
	verdict?: Verdict | null;
	lookback?: number | null; // the look-back that found it among stored events
	version: number;
	spark: number[];
	demonstration: boolean;
}
export interface Finding {
	event_id: number | null; // null: a file was found, no event tells of it
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
		description_vi?: string | null;
		author?: string | null;
		file?: string | null;
		references?: string[];
		falsepositives?: string[];
		falsepositives_vi?: string[];
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
	verdict?: Verdict;
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
	fields_dropped: number; // of events with more fields than are kept: no rule saw them
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
	journal?: Record<string, number | string>;
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
	content_faults: number;
	truncated?: number; // events whose fields did not all fit, or not whole
	record?: Recorded;
	correlations?: { keys: number; bytes: number; evicted: number; late: number; dropped: number; forgotten: number };
	state?: { written_ms: number; bytes: number; failed: number; refused: number };
	backup?: { last_ms: number | null };
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
export type Verdict = "true" | "false" | "unclear";

export interface Fault {
	line: number;
	column: number;
	what: string;
	arg?: string;
}

export interface Rule {
	id: string;
	title: string;
	title_vi?: string | null;
	level: Level;
	own_level?: Level;
	status: string;
	author: string | null;
	file?: string | null;
	line?: number;
	techniques: string[];
	fired: number;
	last_ms: number | null;
	applicable: boolean;
	correlation?: boolean;
	silent?: boolean; // it feeds correlations and alarms nobody itself
	engine?: string;
	on: boolean;
	origin?: "shipped" | "folder" | "desk";
	closed_true?: number;
	closed_false?: number;
	exceptions?: number;
	never_seen?: string[];
	cost_ns?: number | null;
}
export interface RuleSwitch {
	on: boolean;
	level: Level | null;
	reason: string;
	who: string;
	at_ms: number;
}
export interface RuleDetail extends Rule {
	description?: string | null;
	description_vi?: string | null;
	falsepositives?: string[];
	falsepositives_vi?: string[];
	references?: string[];
	parameters?: Record<string, number>;
	advice_vi?: string | null;
	advice_en?: string | null;
	license?: string | null;
	feeds?: { id: string; title: string; title_vi?: string | null; on: boolean }[];
	text: string | null;
	switch: RuleSwitch | null;
	exception_items?: Exception[];
	history?: Change[];
	version: number;
}
export interface RuleCheck {
	faults: Fault[];
	rules: { id: string; title: string; level: Level; correlation: boolean }[];
}
export interface Exception {
	id: number | string;
	rule: string;
	rule_title?: string | null;
	rule_title_vi?: string | null;
	fields: Pair[];
	reason: string;
	who: string;
	created_ms: number;
	until_ms: number | null;
	matched: number;
	alert?: number | null;
	state: "active" | "expired";
	ended_ms?: number; // before its day, by hand
	ended_who?: string;
	last_ms?: number | null;
}
export interface Technique {
	id: string;
	name: string;
	rules: number;
	rules_on: number;
	rules_live: number;
	fired: number;
	state: string;
}
export interface Coverage {
	tactics: { id: string; name: string; techniques: Technique[] }[];
	sources: { product: string | null; service: string | null; category: string | null; events: number; last_ms: number | null }[];
	never_seen: { field: string; rules: number }[];
}
export interface LookbackHit {
	event: number;
	time_ms: number;
	rule: string;
	title: string;
	level: Level;
	matched: Pair[];
	text: string;
	organisation?: Named | null;
	system?: Named | null;
}
export interface Lookback {
	id: number | string;
	kind: "rule" | "draft" | "indicators";
	title: string;
	title_vi?: string | null;
	state: "queued" | "running" | "done" | "stopped" | "failed";
	from_ms: number;
	to_ms: number;
	blocks: number;
	blocks_done: number;
	events: number;
	events_per_second: number;
	findings: number;
	alerts?: number; // opened by it
	told?: number; // hits that an alert had told before
	blocks_damaged?: number;
	rule?: string | null;
	source?: string | null;
	first_hit_ms: number | null;
	last_hit_ms: number | null;
	who: string;
	created_ms: number;
	faults?: Fault[];
	days?: { day: string | number; count: number }[];
	hits?: LookbackHit[];
}

export type Tlp = "clear" | "green" | "amber" | "amber+strict" | "red";
export interface Indicator {
	id: number | string;
	kind: string;
	value: string;
	source: string;
	tlp: Tlp;
	confidence: number;
	valid_from_ms: number | null;
	valid_until_ms: number | null;
	state: "active" | "expired" | "revoked" | "held";
	held_by?: string | null; // the warning list that stops it
	note: string | null;
	sightings: number;
	first_seen_ms: number | null;
	last_seen_ms: number | null;
	reference?: string | null;
	created_ms: number;
	who: string | null;
	version?: number;
}
export interface Sighting {
	event: number;
	time_ms: number;
	field: string;
	value: string;
	organisation: Named | null;
	system: Named | null;
}
export interface IndicatorDetail extends Indicator {
	sighting_items?: Sighting[];
}
export interface ImportResult {
	read: number;
	added: number;
	updated: number;
	unchanged: number;
	refused: number;
	held: number;
	faults: Fault[];
}
export interface IndicatorSource {
	name: string;
	indicators: number;
	active: number;
	last_import_ms: number | null;
	sightings: number;
}
export interface WarningList {
	name: string;
	title: string;
	title_vi?: string | null;
	entries: number;
}

export interface YaraMatch {
	rule: string;
	space?: string | null;
	title: string;
	title_vi?: string | null;
	level: Level;
	reference?: string | null;
	strings?: { name: string; offset: number; length: number; text: string }[];
}
export interface StoredFile {
	id: number | string;
	name: string;
	size: number;
	sha256: string | null;
	state: "receiving" | "waiting" | "clean" | "matched" | "failed" | "refused" | "removed";
	problem?: string | null;
	matches: YaraMatch[];
	match_count?: number;
	who: string;
	system?: Named | null;
	created_ms: number;
	done_ms?: number | null;
	removed_who?: string | null;
	removed_ms?: number | null;
	parts?: number;
	parts_here?: number;
	part_bytes?: number;
}
export interface Sweep {
	id: number | string;
	folder: string;
	state: "queued" | "running" | "done" | "stopped" | "failed";
	problem?: string | null;
	files: number;
	files_done: number;
	bytes: number;
	matches: number;
	partial?: number;
	errors: number;
	crashed?: number;
	links?: number;
	special?: number;
	elsewhere?: number;
	who: string;
	stopped_who?: string | null;
	created_ms: number;
	matched_files?: { path: string; sha256: string; bytes: number; partial: boolean; matches: YaraMatch[] }[];
	error_files?: { path: string; what: string }[];
}

export interface Session {
	login: string;
	name: string;
	role: string;
	rights: string[];
	province: string;
	organisation?: Named | null; // the agency one belongs to; null: the desk
	demonstration: boolean;
	second_due_ms?: number | null; // from when a second step is asked of who has none yet
	second_here?: boolean; // he may set it up in this session; else with a link
}
export interface Role {
	id: string;
	title_vi: string;
	title_en: string;
	rights: string[];
	agency: boolean;
	second_factor: boolean;
	second_factor_days: number; // after the account was made
	builtin: boolean;
	people: number;
	keys: number;
	version: number;
}
export interface Right {
	name: string;
	agency: boolean;
	mine: boolean;
}
export interface Person {
	id: number;
	login: string;
	name: string;
	role: string;
	organisation: Named | null;
	disabled: boolean;
	ready: boolean;
	link_until_ms: number | null;
	seen_ms: number | null;
	link?: string; // told once
	version: number;
}

export interface Witness {
	name: string;
	key: string;
	url: string;
	size: number;
	time_ms: number | null;
	failing_since_ms: number | null;
	error: string;
	fault: "" | "fork" | "ahead" | "key";
	seen: number; // "ahead": entries that it has seen, and how many of them are not here
	missing: number;
}
export interface Recorded {
	broken: boolean;
	fault: string | null;
	put_back: number;
	witnesses: Witness[];
}
export interface Checkpoint {
	key: string;
	checkpoint: string;
	entries: number;
	published: number;
	put_back: number;
	witnesses: Witness[];
}
export interface RecordEntry {
	id: number;
	at_ms: number;
	who: string;
	action: string;
	noun: string;
	noun_id: string;
	entry: { at: string; who: string; peer: string; before?: unknown; after?: unknown; reason?: string };
}

/** A new authenticator app: the secret, as a link, and drawn. */
export interface TotpOffer {
	secret: string;
	uri: string;
	qr: { size: number; path: string } | null;
}
export interface Passkey {
	id: number;
	name: string;
	rp: string;
	created_ms: number;
	used_ms: number | null;
}
export interface Account {
	login: string;
	name: string;
	role: string;
	directory: boolean;
	password_ms: number | null;
	totp: boolean;
	totp_used_ms: number | null;
	recovery_left: number;
	second_factor_required: boolean;
	passkeys_offered: boolean;
	passkeys_origin: string | null;
	passkeys: Passkey[];
}
export interface OpenSession {
	id: string;
	created_ms: number;
	seen_ms: number;
	peer: string;
	agent: string;
	factor: string;
	current: boolean;
}
export interface ApiKey {
	id: string;
	name: string;
	role: string;
	scopes: string[];
	maker: string | null;
	created_ms: number;
	until_ms: number | null;
	used_ms: number | null;
	revoked_ms: number | null;
	active: boolean;
	key?: string;
}
