-- First schema. Tokens: {ID} an integer primary key that numbers itself, {INT} a 64-bit integer, {BLOB}, {STRICT}.
-- Times are milliseconds since 1970 UTC, booleans 0/1, JSON is text that C parses, *_fold is written by db_fold().

CREATE TABLE setting (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
) {STRICT};

-- register: whose systems these are (register/organisation.h, register/system.h)
CREATE TABLE organisation (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	name_fold TEXT NOT NULL,
	kind TEXT NOT NULL,
	contact_name TEXT NOT NULL DEFAULT '',
	contact_phone TEXT NOT NULL DEFAULT '',
	contact_email TEXT NOT NULL DEFAULT '',
	demonstration {INT} NOT NULL DEFAULT 0,
	updated_ms {INT} NOT NULL
) {STRICT};

CREATE TABLE system (
	id TEXT PRIMARY KEY,
	organisation TEXT NOT NULL REFERENCES organisation (id),
	name TEXT NOT NULL,
	name_fold TEXT NOT NULL,
	level {INT} NOT NULL CHECK (level BETWEEN 1 AND 5),
	contact_name TEXT NOT NULL DEFAULT '',
	contact_phone TEXT NOT NULL DEFAULT '',
	contact_email TEXT NOT NULL DEFAULT '',
	demonstration {INT} NOT NULL DEFAULT 0,
	updated_ms {INT} NOT NULL
) {STRICT};
CREATE INDEX system_organisation ON system (organisation);

-- kind: network (CIDR), host (name), domain (suffix)
CREATE TABLE system_place (
	system TEXT NOT NULL REFERENCES system (id) ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('network', 'host', 'domain')),
	value TEXT NOT NULL,
	PRIMARY KEY (system, kind, value)
) {STRICT};

-- alert/alert.h
CREATE TABLE alert (
	id {ID},
	rule TEXT NOT NULL,
	title TEXT NOT NULL,
	title_vi TEXT NOT NULL DEFAULT '',
	title_fold TEXT NOT NULL,
	level {INT} NOT NULL CHECK (level BETWEEN 0 AND 4),
	state {INT} NOT NULL CHECK (state BETWEEN 0 AND 2),
	entity_key TEXT NOT NULL,
	entity TEXT NOT NULL,
	techniques TEXT NOT NULL,
	count {INT} NOT NULL,
	first_ms {INT} NOT NULL,
	last_ms {INT} NOT NULL,
	opened_ms {INT} NOT NULL,
	organisation TEXT REFERENCES organisation (id),
	system TEXT REFERENCES system (id),
	assignee TEXT,
	reason TEXT,
	closed_ms {INT},
	version {INT} NOT NULL DEFAULT 1,
	demonstration {INT} NOT NULL DEFAULT 0
) {STRICT};
CREATE INDEX alert_entity ON alert (rule, entity_key, last_ms);
CREATE INDEX alert_state ON alert (state, level DESC, last_ms DESC, id DESC);
CREATE INDEX alert_recent ON alert (last_ms DESC, id DESC);
CREATE INDEX alert_system ON alert (system, state);
CREATE INDEX alert_organisation ON alert (organisation, state);

CREATE TABLE alert_finding (
	id {ID},
	alert {INT} NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
	event {INT} NOT NULL,
	time_ms {INT} NOT NULL,
	matched TEXT NOT NULL,
	text TEXT NOT NULL
) {STRICT};
CREATE INDEX alert_finding_alert ON alert_finding (alert, id);

-- findings per 150 seconds (slot = event time / 150000), for the sparkline
CREATE TABLE alert_slot (
	alert {INT} NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
	slot {INT} NOT NULL,
	count {INT} NOT NULL,
	PRIMARY KEY (alert, slot)
) {STRICT};

CREATE TABLE alert_history (
	id {ID},
	alert {INT} NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
	at_ms {INT} NOT NULL,
	who TEXT NOT NULL,
	change TEXT NOT NULL,
	reason TEXT
) {STRICT};
CREATE INDEX alert_history_alert ON alert_history (alert, id);

CREATE TABLE rule_count (
	rule TEXT PRIMARY KEY,
	fired {INT} NOT NULL,
	last_ms {INT} NOT NULL
) {STRICT};

-- people and their keys (web/session.h). Secrets are stored as argon2id or SHA-256, never as they are.
CREATE TABLE person (
	id {ID},
	login TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	password TEXT NOT NULL,
	created_ms {INT} NOT NULL,
	disabled {INT} NOT NULL DEFAULT 0
) {STRICT};

CREATE TABLE session (
	hash TEXT PRIMARY KEY,
	person {INT} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
	created_ms {INT} NOT NULL,
	seen_ms {INT} NOT NULL,
	peer TEXT NOT NULL,
	agent TEXT NOT NULL
) {STRICT};

CREATE TABLE api_key (
	hash TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	created_ms {INT} NOT NULL
) {STRICT};
