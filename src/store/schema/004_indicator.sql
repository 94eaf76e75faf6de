-- Indicators of compromise (share/indicator.h). Rows are never deleted: their ids are the numbers of indicator images, and a
-- finding may come with the number of an older image.

CREATE TABLE indicator_source (
	id {ID},
	name TEXT NOT NULL UNIQUE,
	created_ms {INT} NOT NULL,
	imported_ms {INT} NOT NULL
) {STRICT};

-- kind as enum ioc_kind, tlp as enum tlp; state: 0 active, 1 revoked, 2 held by the warning list held_by
CREATE TABLE indicator (
	id {ID},
	kind {INT} NOT NULL CHECK (kind BETWEEN 0 AND 5),
	value TEXT NOT NULL,
	source {INT} NOT NULL REFERENCES indicator_source (id),
	tlp {INT} NOT NULL CHECK (tlp BETWEEN 0 AND 4),
	confidence {INT} NOT NULL CHECK (confidence BETWEEN 0 AND 100),
	from_ms {INT},
	until_ms {INT},
	state {INT} NOT NULL CHECK (state BETWEEN 0 AND 2),
	held_by TEXT NOT NULL DEFAULT '',
	note TEXT NOT NULL DEFAULT '',
	reference TEXT NOT NULL DEFAULT '',
	who TEXT NOT NULL,
	created_ms {INT} NOT NULL,
	version {INT} NOT NULL DEFAULT 1,
	sightings {INT} NOT NULL DEFAULT 0,
	first_seen_ms {INT},
	last_seen_ms {INT},
	UNIQUE (value, kind, source)
) {STRICT};
CREATE INDEX indicator_of_source ON indicator (source, id);
CREATE INDEX indicator_of_state ON indicator (state, id);

-- the last sightings of each, one by one; all are counted in the row of the indicator
CREATE TABLE indicator_sighting (
	id {ID},
	indicator {INT} NOT NULL REFERENCES indicator (id),
	event {INT} NOT NULL,
	time_ms {INT} NOT NULL,
	field TEXT NOT NULL,
	value TEXT NOT NULL,
	organisation TEXT NOT NULL DEFAULT '',
	system TEXT NOT NULL DEFAULT ''
) {STRICT};
CREATE INDEX indicator_sighting_of ON indicator_sighting (indicator, id);
