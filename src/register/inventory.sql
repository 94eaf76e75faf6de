-- What is kept of information systems (register/inventory.h). NULLIF: an empty text is stored as "not known".

-- name: inventory_get
SELECT s.id, s.name, s.organisation, o.name, s.level, s.class, s.sector, s.critical, s.separated, s.facts, s.from_day, s.until_day,
	s.note, s.contact_name, s.contact_phone, s.contact_email, s.demonstration, s.version, s.name_fold
FROM system s JOIN organisation o ON o.id = s.organisation
WHERE s.id = $1 AND ($2 = '' OR s.organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $2));

-- name: inventory_add
INSERT INTO system (id, organisation, name, name_fold, level, class, sector, critical, separated, facts, from_day, until_day, note,
	contact_name, contact_phone, contact_email, demonstration, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULLIF($11, ''), NULLIF($12, ''), $13, $14, $15, $16, 0, $17);

-- name: inventory_change
UPDATE system SET name = $2, name_fold = $3, class = $4, sector = $5, critical = $6, separated = $7, facts = $8,
	from_day = NULLIF($9, ''), until_day = NULLIF($10, ''), note = $11, contact_name = $12, contact_phone = $13,
	contact_email = $14, version = version + 1, updated_ms = $15
WHERE id = $1 AND version = $16;

-- name: inventory_touch
UPDATE system SET version = version + 1, updated_ms = $2 WHERE id = $1;

-- name: inventory_owner
UPDATE system SET organisation = $2 WHERE id = $1;

-- Decided or agreed for a day between $1 and $2: what holds on day $4 is in force. $3 now. Of several of a day the last one written.

-- name: inventory_levels_due
UPDATE system SET version = version + 1, updated_ms = $3, level = (SELECT l.level FROM system_level l WHERE l.system = system.id
	AND COALESCE(l.day, '') <= $4 ORDER BY COALESCE(l.day, '') DESC, l.id DESC LIMIT 1)
WHERE id IN (SELECT system FROM system_level WHERE day > $1 AND day <= $2)
	AND level <> (SELECT l.level FROM system_level l WHERE l.system = system.id
		AND COALESCE(l.day, '') <= $4 ORDER BY COALESCE(l.day, '') DESC, l.id DESC LIMIT 1);

-- name: inventory_owners_due
UPDATE system SET version = version + 1, updated_ms = $3, organisation = (SELECT p.organisation FROM system_party p
	WHERE p.system = system.id AND p.role = 'owner' AND COALESCE(p.from_day, '') <= $4
	AND COALESCE(p.until_day, '9999-12-31') >= $4 ORDER BY COALESCE(p.from_day, '') DESC, p.id DESC LIMIT 1)
WHERE id IN (SELECT system FROM system_party WHERE role = 'owner' AND from_day > $1 AND from_day <= $2)
	AND organisation <> (SELECT p.organisation FROM system_party p
		WHERE p.system = system.id AND p.role = 'owner' AND COALESCE(p.from_day, '') <= $4
		AND COALESCE(p.until_day, '9999-12-31') >= $4 ORDER BY COALESCE(p.from_day, '') DESC, p.id DESC LIMIT 1);

-- name: inventory_owner_of
SELECT organisation FROM system WHERE id = $1;

-- name: inventory_level
UPDATE system SET level = $2 WHERE id = $1;

-- name: inventory_places
SELECT kind, value FROM system_place WHERE system = $1 ORDER BY kind, value;

-- name: inventory_place_remove
DELETE FROM system_place WHERE system = $1 AND kind = $2 AND value = $3;

-- name: inventory_place_add
INSERT INTO system_place (system, kind, value) VALUES ($1, $2, $3);

-- name: inventory_ends
SELECT COUNT(*), MIN(until_day) FROM system_licence WHERE system = $1 AND until_day <= $2;

-- name: inventory_alerts_open
SELECT COUNT(*) FROM alert WHERE system = $1 AND state < 2;

-- from day $2 on nobody but $3 owns it; $4 the day before
-- name: inventory_owner_end
UPDATE system_party SET until_day = $4 WHERE system = $1 AND role = 'owner' AND organisation <> $3
	AND (until_day IS NULL OR until_day >= $2) AND (from_day IS NULL OR from_day < $2);

-- name: inventory_owner_never
DELETE FROM system_party WHERE system = $1 AND role = 'owner' AND organisation <> $3 AND from_day >= $2;

-- name: inventory_owner_known
SELECT COUNT(*), COUNT(*) FILTER (WHERE organisation = $2 AND (until_day IS NULL OR until_day >= $3)),
	COUNT(*) FILTER (WHERE organisation = $2 AND (until_day IS NULL OR until_day >= $3) AND COALESCE(from_day, '') <= $3)
FROM system_party WHERE system = $1 AND role = 'owner';

-- parts: id first, then their members in the order of register/inventory_part.c

-- name: party_list
SELECT id, role, organisation, from_day, until_day, note FROM system_party WHERE system = $1 ORDER BY role, COALESCE(from_day, ''), id;

-- name: party_add
INSERT INTO system_party (system, role, organisation, from_day, until_day, note)
VALUES ($1, $2, $3, NULLIF($4, ''), NULLIF($5, ''), $6) RETURNING id;

-- name: party_change
UPDATE system_party SET role = $3, organisation = $4, from_day = NULLIF($5, ''), until_day = NULLIF($6, ''), note = $7
WHERE system = $1 AND id = $2;

-- name: party_remove
DELETE FROM system_party WHERE system = $1 AND id = $2;

-- name: level_list
SELECT id, level, day, number, criterion, facts, note FROM system_level WHERE system = $1 ORDER BY COALESCE(day, ''), id;

-- name: level_add
INSERT INTO system_level (system, level, day, number, criterion, facts, note)
VALUES ($1, $2, NULLIF($3, ''), $4, $5, $6, $7) RETURNING id;

-- name: level_change
UPDATE system_level SET level = $3, day = NULLIF($4, ''), number = $5, criterion = $6, facts = $7, note = $8
WHERE system = $1 AND id = $2;

-- name: level_remove
DELETE FROM system_level WHERE system = $1 AND id = $2;

-- name: application_list
SELECT id, name, vendor, release, exposure, note FROM system_application WHERE system = $1 ORDER BY name, id;

-- name: application_add
INSERT INTO system_application (system, name, vendor, release, exposure, note) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id;

-- name: application_change
UPDATE system_application SET name = $3, vendor = $4, release = $5, exposure = $6, note = $7 WHERE system = $1 AND id = $2;

-- name: application_remove
DELETE FROM system_application WHERE system = $1 AND id = $2;

-- name: layer_list
SELECT id, layer, state, organisation, evidence, number, file, until_day FROM system_layer WHERE system = $1 ORDER BY layer;

-- name: layer_add
INSERT INTO system_layer (system, layer, state, organisation, evidence, number, file, until_day)
VALUES ($1, $2, $3, NULLIF($4, ''), $5, $6, $7, NULLIF($8, '')) RETURNING id;

-- name: layer_change
UPDATE system_layer SET layer = $3, state = $4, organisation = NULLIF($5, ''), evidence = $6, number = $7, file = $8,
	until_day = NULLIF($9, '')
WHERE system = $1 AND id = $2;

-- name: layer_remove
DELETE FROM system_layer WHERE system = $1 AND id = $2;

-- name: device_list
SELECT id, name, serial, place, origin, source, received_day, in_use, result, cleared_by, cleared_day, note
FROM system_device WHERE system = $1 ORDER BY name, serial, id;

-- name: device_add
INSERT INTO system_device (system, name, serial, place, origin, source, received_day, in_use, result, cleared_by, cleared_day, note)
VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7, ''), $8, $9, $10, NULLIF($11, ''), $12) RETURNING id;

-- name: device_change
UPDATE system_device SET name = $3, serial = $4, place = $5, origin = $6, source = $7, received_day = NULLIF($8, ''), in_use = $9,
	result = $10, cleared_by = $11, cleared_day = NULLIF($12, ''), note = $13
WHERE system = $1 AND id = $2;

-- name: device_remove
DELETE FROM system_device WHERE system = $1 AND id = $2;

-- name: licence_list
SELECT id, kind, subject, issuer, number, from_day, until_day, note FROM system_licence WHERE system = $1 ORDER BY until_day, id;

-- name: licence_add
INSERT INTO system_licence (system, kind, subject, issuer, number, from_day, until_day, note)
VALUES ($1, $2, $3, $4, $5, NULLIF($6, ''), $7, $8) RETURNING id;

-- name: licence_change
UPDATE system_licence SET kind = $3, subject = $4, issuer = $5, number = $6, from_day = NULLIF($7, ''), until_day = $8, note = $9
WHERE system = $1 AND id = $2;

-- name: licence_remove
DELETE FROM system_licence WHERE system = $1 AND id = $2;

-- what ends soon, over all systems in reach: $1 scope, $2 until this day, $3 organisation, $4 at most, $5 $6 behind this, $7 today
-- name: licence_expiring
SELECT l.id, l.kind, l.subject, l.issuer, l.number, l.until_day, s.id, s.name, o.id, o.name
FROM system_licence l JOIN system s ON s.id = l.system JOIN organisation o ON o.id = s.organisation
WHERE l.until_day <= $2 AND (l.until_day, l.id) > ($5, $6)
	AND ($1 = '' OR s.organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $1))
	AND ($3 = '' OR s.organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $3))
	AND (s.until_day IS NULL OR s.until_day >= $7)
ORDER BY l.until_day, l.id LIMIT $4;
