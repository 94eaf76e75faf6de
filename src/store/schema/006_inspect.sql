-- Files handed in, and sweeps over folders (inspect/).

CREATE TABLE upload (
	id {ID},
	name TEXT NOT NULL,
	size {INT} NOT NULL,
	wanted TEXT NOT NULL,
	sha256 TEXT NOT NULL DEFAULT '',
	state {INT} NOT NULL CHECK (state BETWEEN 0 AND 6),
	problem TEXT NOT NULL DEFAULT '',
	crashes {INT} NOT NULL DEFAULT 0,
	match_count {INT} NOT NULL DEFAULT 0,
	matches TEXT NOT NULL DEFAULT '[]',
	who TEXT NOT NULL,
	system TEXT NOT NULL DEFAULT '',
	created_ms {INT} NOT NULL,
	done_ms {INT} NOT NULL DEFAULT 0,
	removed_who TEXT NOT NULL DEFAULT '',
	removed_ms {INT} NOT NULL DEFAULT 0
) {STRICT};
CREATE INDEX upload_state ON upload (state, id);

CREATE TABLE sweep (
	id {ID},
	folder TEXT NOT NULL,
	state {INT} NOT NULL CHECK (state BETWEEN 0 AND 4),
	problem TEXT NOT NULL DEFAULT '',
	who TEXT NOT NULL,
	system TEXT NOT NULL DEFAULT '',
	stopped_who TEXT NOT NULL DEFAULT '',
	created_ms {INT} NOT NULL,
	started_ms {INT} NOT NULL DEFAULT 0,
	ended_ms {INT} NOT NULL DEFAULT 0,
	files {INT} NOT NULL DEFAULT 0,
	files_done {INT} NOT NULL DEFAULT 0,
	bytes {INT} NOT NULL DEFAULT 0,
	matches {INT} NOT NULL DEFAULT 0,
	partial {INT} NOT NULL DEFAULT 0,
	errors {INT} NOT NULL DEFAULT 0,
	crashed {INT} NOT NULL DEFAULT 0,
	links {INT} NOT NULL DEFAULT 0,
	special {INT} NOT NULL DEFAULT 0,
	elsewhere {INT} NOT NULL DEFAULT 0
) {STRICT};
CREATE INDEX sweep_state ON sweep (state, id);

-- what a sweep found, and what it could not look at: the first of each, all are counted above
CREATE TABLE sweep_match (
	id {ID},
	sweep {INT} NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
	path TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	bytes {INT} NOT NULL,
	partial {INT} NOT NULL,
	matches TEXT NOT NULL
) {STRICT};
CREATE INDEX sweep_match_sweep ON sweep_match (sweep, id);

CREATE TABLE sweep_error (
	id {ID},
	sweep {INT} NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
	path TEXT NOT NULL,
	what TEXT NOT NULL
) {STRICT};
CREATE INDEX sweep_error_sweep ON sweep_error (sweep, id);
