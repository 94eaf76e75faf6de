-- Organisations and systems (register/).

-- Files tell of the present: who was renamed in time keeps his names, what has been handed over its owner, and what was
-- decided its level.

-- name: organisation_put
INSERT INTO organisation (id, name, name_fold, kind, contact_name, contact_phone, contact_email, demonstration, updated_ms,
	parent, from_day, until_day)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULLIF($10, ''), NULLIF($11, ''), NULLIF($12, ''))
ON CONFLICT (id) DO UPDATE SET
	name = CASE WHEN EXISTS (SELECT 1 FROM organisation_name n WHERE n.organisation = excluded.id)
		THEN organisation.name ELSE excluded.name END,
	name_fold = CASE WHEN EXISTS (SELECT 1 FROM organisation_name n WHERE n.organisation = excluded.id)
		THEN organisation.name_fold ELSE excluded.name_fold END,
	kind = excluded.kind, contact_name = excluded.contact_name, contact_phone = excluded.contact_phone,
	contact_email = excluded.contact_email, demonstration = excluded.demonstration, updated_ms = excluded.updated_ms,
	parent = COALESCE(excluded.parent, organisation.parent), from_day = COALESCE(excluded.from_day, organisation.from_day),
	until_day = COALESCE(excluded.until_day, organisation.until_day);

-- name: system_put
INSERT INTO system (id, organisation, name, name_fold, level, contact_name, contact_phone, contact_email, demonstration, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET organisation = CASE WHEN EXISTS (SELECT 1 FROM organisation_successor
		WHERE predecessor = excluded.organisation) OR EXISTS (SELECT 1 FROM system_party p WHERE p.system = excluded.id
		AND p.role = 'owner' AND p.organisation = excluded.organisation AND p.until_day IS NOT NULL)
		THEN system.organisation ELSE excluded.organisation END,
	name = excluded.name, name_fold = excluded.name_fold,
	level = CASE WHEN EXISTS (SELECT 1 FROM system_level l WHERE l.system = excluded.id) THEN system.level ELSE excluded.level END,
	contact_name = excluded.contact_name, contact_phone = excluded.contact_phone,
	contact_email = excluded.contact_email, demonstration = excluded.demonstration, updated_ms = excluded.updated_ms;

-- name: system_place_clear
DELETE FROM system_place WHERE system = $1;

-- name: system_place_put
INSERT INTO system_place (system, kind, value) VALUES ($1, $2, $3)
ON CONFLICT (system, kind, value) DO NOTHING;

-- name: organisation_all
SELECT id, name, name_fold, kind, contact_name, contact_phone, contact_email, demonstration, from_day, until_day, version, parent
FROM organisation ORDER BY id;

-- name: organisation_known
SELECT 1 FROM organisation WHERE id = $1;

-- name: organisation_parent_set
UPDATE organisation SET parent = $2 WHERE id = $1;

-- by a file: who stood below an agency that went into another stays where that has put it
-- name: organisation_parent_told
UPDATE organisation SET parent = $2 WHERE id = $1 AND (parent IS NULL OR NOT EXISTS (SELECT 1 FROM organisation_successor s
	WHERE s.predecessor = $2 AND s.kind IN ('merged', 'renamed')));

-- name: organisation_parent_clear
UPDATE organisation SET parent = NULL WHERE id = $1;

-- name: organisation_contact
SELECT contact_name, contact_phone, contact_email FROM organisation WHERE id = $1;

-- name: organisation_reach_clear
DELETE FROM organisation_reach;

-- name: organisation_reach_build
WITH RECURSIVE up (organisation, ancestor) AS (
	SELECT id, id FROM organisation
	UNION SELECT up.organisation, o.parent FROM up JOIN organisation o ON o.id = up.ancestor WHERE o.parent IS NOT NULL)
INSERT INTO organisation_reach (ancestor, organisation) SELECT ancestor, organisation FROM up;

-- The register in memory (registry.c), of all systems and of one: the same columns.

-- name: system_all
SELECT id, organisation, name, name_fold, level, contact_name, contact_phone, contact_email, demonstration, critical, sector, until_day
FROM system ORDER BY name_fold, id;

-- name: system_one
SELECT id, organisation, name, name_fold, level, contact_name, contact_phone, contact_email, demonstration, critical, sector, until_day
FROM system WHERE id = $1;

-- name: system_place_all
SELECT system, kind, value FROM system_place ORDER BY system, kind, value;

-- name: system_place_one
SELECT system, kind, value FROM system_place WHERE system = $1 ORDER BY kind, value;

-- 1 the first licence that ends, 2 the first evidence of a layer

-- name: system_ends_all
SELECT system, 1, MIN(until_day) FROM system_licence GROUP BY system
UNION ALL SELECT system, 2, MIN(until_day) FROM system_layer WHERE until_day IS NOT NULL GROUP BY system;

-- name: system_ends_one
SELECT '', 1, MIN(until_day) FROM system_licence WHERE system = $1
UNION ALL SELECT '', 2, MIN(until_day) FROM system_layer WHERE system = $1 AND until_day IS NOT NULL;

-- name: system_forget_demonstration
DELETE FROM system WHERE demonstration = 1;

-- name: organisation_leave_demonstration
UPDATE organisation SET parent = NULL
WHERE demonstration = 1 OR parent IN (SELECT id FROM organisation WHERE demonstration = 1);

-- An account that was tied to one of them must not reach the whole province for want of it: that one stays.

-- name: organisation_forget_demonstration
DELETE FROM organisation WHERE demonstration = 1 AND id NOT IN (SELECT organisation FROM system)
	AND id NOT IN (SELECT organisation FROM system_party)
	AND id NOT IN (SELECT organisation FROM system_layer WHERE organisation IS NOT NULL)
	AND id NOT IN (SELECT organisation FROM person WHERE organisation IS NOT NULL)
	AND id NOT IN (SELECT organisation FROM api_key WHERE organisation IS NOT NULL);
