-- Organisations stand below each other, and accounts and keys may belong to one: then they reach it and what is below it.

-- from_day, until_day: "2026-07-01", both of them days on which it exists; NULL where not known, or no end
ALTER TABLE organisation ADD COLUMN parent TEXT REFERENCES organisation (id);
ALTER TABLE organisation ADD COLUMN from_day TEXT;
ALTER TABLE organisation ADD COLUMN until_day TEXT;
ALTER TABLE organisation ADD COLUMN version {INT} NOT NULL DEFAULT 1;
CREATE INDEX organisation_parent ON organisation (parent);

-- Who reaches whom: every organisation itself and all below it (register/system.h, registry_reach_rebuild()).
CREATE TABLE organisation_reach (
	ancestor TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
	organisation TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
	PRIMARY KEY (ancestor, organisation)
) {STRICT};
CREATE INDEX organisation_reach_below ON organisation_reach (organisation);
INSERT INTO organisation_reach (ancestor, organisation) SELECT id, id FROM organisation;

-- NULL: the province's desk, which sees all
ALTER TABLE person ADD COLUMN organisation TEXT REFERENCES organisation (id);
ALTER TABLE api_key ADD COLUMN organisation TEXT REFERENCES organisation (id);
