-- Living with rules: what the desk decided about them (alert/rulebook.h), exceptions (alert/exception.h), what rules
-- proved worth, and what really arrives (alert/coverage.h).

-- level: NULL = the rule's own
CREATE TABLE rule_switch (
	rule TEXT PRIMARY KEY,
	off {INT} NOT NULL,
	level {INT} CHECK (level BETWEEN 0 AND 4),
	reason TEXT NOT NULL,
	who TEXT NOT NULL,
	at_ms {INT} NOT NULL
) {STRICT};

-- every decision about a rule; the number of the newest is the rule's version
CREATE TABLE rule_history (
	id {ID},
	rule TEXT NOT NULL,
	at_ms {INT} NOT NULL,
	who TEXT NOT NULL,
	change TEXT NOT NULL,
	reason TEXT NOT NULL
) {STRICT};
CREATE INDEX rule_history_rule ON rule_history (rule, id);

-- rules written at this desk, one document each
CREATE TABLE own_rule (
	id TEXT PRIMARY KEY,
	text TEXT NOT NULL,
	who TEXT NOT NULL,
	created_ms {INT} NOT NULL,
	changed_ms {INT} NOT NULL
) {STRICT};

-- fields: JSON [{"name","value","match"}] as sent; ended_ms: somebody ended it before its day
CREATE TABLE rule_exception (
	id {ID},
	rule TEXT NOT NULL,
	rule_title TEXT NOT NULL,
	fields TEXT NOT NULL,
	reason TEXT NOT NULL,
	who TEXT NOT NULL,
	created_ms {INT} NOT NULL,
	until_ms {INT} NOT NULL,
	alert {INT},
	ended_ms {INT},
	ended_who TEXT NOT NULL DEFAULT '',
	matched {INT} NOT NULL DEFAULT 0,
	last_ms {INT}
) {STRICT};
CREATE INDEX rule_exception_rule ON rule_exception (rule, id);

-- verdict: what a closed alert turned out to be; alerts closed before there was one stay unclear
ALTER TABLE alert ADD COLUMN verdict TEXT NOT NULL DEFAULT '' CHECK (verdict IN ('', 'true', 'false', 'unclear'));
ALTER TABLE rule_count ADD COLUMN closed_true {INT} NOT NULL DEFAULT 0;
ALTER TABLE rule_count ADD COLUMN closed_false {INT} NOT NULL DEFAULT 0;
UPDATE alert SET verdict = 'unclear' WHERE state = 2;

-- mean time of the rule asked alone, on sampled events of its log source
CREATE TABLE rule_cost (
	rule TEXT PRIMARY KEY,
	ns {INT} NOT NULL,
	samples {INT} NOT NULL
) {STRICT};

-- log sources of map.yaml that delivered events; organisation '' = a machine the register does not know
CREATE TABLE source_seen (
	organisation TEXT NOT NULL,
	product TEXT NOT NULL,
	category TEXT NOT NULL,
	service TEXT NOT NULL,
	events {INT} NOT NULL,
	last_ms {INT} NOT NULL,
	PRIMARY KEY (organisation, product, category, service)
) {STRICT};

CREATE TABLE field_seen (
	name TEXT PRIMARY KEY,
	at_ms {INT} NOT NULL
) {STRICT};
