-- Looking back over stored events (alert/lookback.h).

CREATE TABLE lookback (
	id {ID},
	kind {INT} NOT NULL CHECK (kind BETWEEN 0 AND 2),
	state {INT} NOT NULL CHECK (state BETWEEN 0 AND 4),
	rule TEXT NOT NULL,
	source TEXT NOT NULL,
	title TEXT NOT NULL,
	text TEXT NOT NULL,
	who TEXT NOT NULL,
	from_ms {INT} NOT NULL,
	to_ms {INT} NOT NULL,
	created_ms {INT} NOT NULL,
	ended_ms {INT} NOT NULL DEFAULT 0,
	upto {INT} NOT NULL DEFAULT 0,
	at_block {INT} NOT NULL DEFAULT 0,
	at_record {INT} NOT NULL DEFAULT 0,
	blocks {INT} NOT NULL DEFAULT 0,
	blocks_done {INT} NOT NULL DEFAULT 0,
	blocks_damaged {INT} NOT NULL DEFAULT 0,
	events {INT} NOT NULL DEFAULT 0,
	spent_ms {INT} NOT NULL DEFAULT 0,
	findings {INT} NOT NULL DEFAULT 0,
	told {INT} NOT NULL DEFAULT 0,
	alerts {INT} NOT NULL DEFAULT 0,
	first_hit_ms {INT} NOT NULL DEFAULT 0,
	last_hit_ms {INT} NOT NULL DEFAULT 0,
	faults TEXT NOT NULL DEFAULT '[]'
) {STRICT};
CREATE INDEX lookback_state ON lookback (state, id);

-- the first hits of a job; all are counted in lookback_day
CREATE TABLE lookback_hit (
	id {ID},
	lookback {INT} NOT NULL REFERENCES lookback (id) ON DELETE CASCADE,
	event {INT} NOT NULL,
	time_ms {INT} NOT NULL,
	rule TEXT NOT NULL,
	title TEXT NOT NULL,
	level {INT} NOT NULL CHECK (level BETWEEN 0 AND 4),
	matched TEXT NOT NULL,
	text TEXT NOT NULL,
	organisation TEXT NOT NULL,
	system TEXT NOT NULL
) {STRICT};
CREATE INDEX lookback_hit_lookback ON lookback_hit (lookback, id);

CREATE TABLE lookback_day (
	lookback {INT} NOT NULL REFERENCES lookback (id) ON DELETE CASCADE,
	day {INT} NOT NULL,
	count {INT} NOT NULL,
	PRIMARY KEY (lookback, day)
) {STRICT};

-- 0: made as the events came; else the job that found it among stored events. No foreign key: alerts outlive jobs.
ALTER TABLE alert ADD COLUMN lookback {INT} NOT NULL DEFAULT 0;
