-- What is kept of an information system beside whose it is and where (register/inventory.h). Days are "2026-07-01" in the
-- calendar of Viet Nam, the first and the last of them inclusive; NULL: not known, or no end.

-- class: internal, service, infrastructure, industrial_control, other; '' = not told. facts: JSON, what criteria of levels
-- ask for (content/law). until_day: the day it was closed; systems are never deleted.
ALTER TABLE system ADD COLUMN class TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN sector TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN critical {INT} NOT NULL DEFAULT 0;
ALTER TABLE system ADD COLUMN separated {INT} NOT NULL DEFAULT 0;
ALTER TABLE system ADD COLUMN facts TEXT NOT NULL DEFAULT '{}';
ALTER TABLE system ADD COLUMN from_day TEXT;
ALTER TABLE system ADD COLUMN until_day TEXT;
ALTER TABLE system ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE system ADD COLUMN version {INT} NOT NULL DEFAULT 1;
CREATE INDEX system_name ON system (name_fold, id);
CREATE INDEX system_level_name ON system (level DESC, name_fold, id);
CREATE INDEX system_place_value ON system_place (kind, value);

CREATE TABLE system_party (
	id {ID},
	system TEXT NOT NULL REFERENCES system (id) ON DELETE CASCADE,
	role TEXT NOT NULL CHECK (role IN ('owner', 'operator', 'monitor', 'assessor', 'provider')),
	organisation TEXT NOT NULL REFERENCES organisation (id),
	from_day TEXT,
	until_day TEXT,
	note TEXT NOT NULL DEFAULT ''
) {STRICT};
CREATE INDEX system_party_system ON system_party (system, role);
CREATE INDEX system_party_organisation ON system_party (organisation);
INSERT INTO system_party (system, role, organisation) SELECT id, 'owner', organisation FROM system;

-- Levels as decided: day and number of the decision, the criterion that decides under the rules of that day, and the
-- facts as they were. The last one that has come is the level of the system.
CREATE TABLE system_level (
	id {ID},
	system TEXT NOT NULL REFERENCES system (id) ON DELETE CASCADE,
	level {INT} NOT NULL CHECK (level BETWEEN 1 AND 5),
	day TEXT,
	number TEXT NOT NULL DEFAULT '',
	criterion TEXT NOT NULL DEFAULT '',
	facts TEXT NOT NULL DEFAULT '{}',
	note TEXT NOT NULL DEFAULT ''
) {STRICT};
CREATE INDEX system_level_system ON system_level (system, day);

CREATE TABLE system_application (
	id {ID},
	system TEXT NOT NULL REFERENCES system (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	vendor TEXT NOT NULL DEFAULT '',
	release TEXT NOT NULL DEFAULT '',
	exposure TEXT NOT NULL CHECK (exposure IN ('internet', 'internal', 'none')),
	note TEXT NOT NULL DEFAULT ''
) {STRICT};
CREATE INDEX system_application_system ON system_application (system);

-- The four layers of protection. file: of upload; no reference, so that evidence whose file is gone still says so.
CREATE TABLE system_layer (
	id {ID},
	system TEXT NOT NULL REFERENCES system (id) ON DELETE CASCADE,
	layer TEXT NOT NULL CHECK (layer IN ('1', '2', '3', '4')),
	state TEXT NOT NULL CHECK (state IN ('none', 'planned', 'partly', 'in_place')),
	organisation TEXT REFERENCES organisation (id),
	evidence TEXT NOT NULL DEFAULT '',
	number TEXT NOT NULL DEFAULT '',
	file {INT} NOT NULL DEFAULT 0,
	until_day TEXT,
	UNIQUE (system, layer)
) {STRICT};

CREATE TABLE system_device (
	id {ID},
	system TEXT NOT NULL REFERENCES system (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	serial TEXT NOT NULL DEFAULT '',
	place TEXT NOT NULL DEFAULT '',
	origin TEXT NOT NULL CHECK (origin IN ('bought', 'donated', 'leased', 'other')),
	source TEXT NOT NULL DEFAULT '',
	received_day TEXT,
	in_use {INT} NOT NULL DEFAULT 0,
	result TEXT NOT NULL DEFAULT '' CHECK (result IN ('', 'cleared', 'refused')),
	cleared_by TEXT NOT NULL DEFAULT '',
	cleared_day TEXT,
	note TEXT NOT NULL DEFAULT ''
) {STRICT};
CREATE INDEX system_device_system ON system_device (system);

CREATE TABLE system_licence (
	id {ID},
	system TEXT NOT NULL REFERENCES system (id) ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('certificate', 'signature', 'software', 'domain', 'service', 'other')),
	subject TEXT NOT NULL,
	issuer TEXT NOT NULL DEFAULT '',
	number TEXT NOT NULL DEFAULT '',
	from_day TEXT,
	until_day TEXT NOT NULL,
	note TEXT NOT NULL DEFAULT ''
) {STRICT};
CREATE INDEX system_licence_system ON system_licence (system);
CREATE INDEX system_licence_until ON system_licence (until_day, system);
