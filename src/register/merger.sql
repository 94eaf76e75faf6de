-- Handing over (register/merger.h).

-- name: merger_systems
SELECT id FROM system WHERE organisation = $1 ORDER BY id;

-- name: merger_parties_end
UPDATE system_party SET until_day = $3 WHERE organisation = $1 AND role <> 'owner'
	AND (until_day IS NULL OR until_day >= $2) AND (from_day IS NULL OR from_day < $2);

-- name: merger_parties_copy
INSERT INTO system_party (system, role, organisation, from_day, until_day, note)
SELECT system, role, $2, $3, until_day, note FROM system_party WHERE organisation = $1 AND role <> 'owner'
	AND (until_day IS NULL OR until_day >= $3) AND (from_day IS NULL OR from_day < $3);

-- name: merger_contacts_of_file
INSERT INTO contact (organisation, name, name_fold, phone, email, rank, from_day, confirmed_day, updated_ms)
SELECT $2, contact_name, $5, contact_phone, contact_email, 50, $3, $3, $4 FROM organisation o
WHERE id = $1 AND contact_name <> '' AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.organisation = o.id);

-- name: merger_contacts_copy
INSERT INTO contact (organisation, name, name_fold, role, phone, email, rank, from_day, until_day, confirmed_day, updated_ms)
SELECT $2, name, name_fold, role, phone, email, rank, $3, until_day, confirmed_day, $4 FROM contact
WHERE organisation = $1 AND COALESCE(until_day, '9999-12-31') >= $3 AND COALESCE(from_day, '') < $3;

-- name: merger_contacts_end
UPDATE contact SET until_day = $3, version = version + 1
WHERE organisation = $1 AND COALESCE(until_day, '9999-12-31') >= $2 AND COALESCE(from_day, '') < $2;

-- name: merger_contacts_move
UPDATE contact SET organisation = $2, version = version + 1 WHERE organisation = $1 AND from_day >= $3;

-- name: merger_people
UPDATE person SET organisation = $2 WHERE organisation = $1;

-- name: merger_keys
UPDATE api_key SET organisation = $2 WHERE organisation = $1;

-- name: merger_alert_history
INSERT INTO alert_history (alert, at_ms, who, change, reason, verdict)
SELECT id, $2, $3, 'moved', $4, '' FROM alert WHERE organisation = $1 AND state < 2 AND ($5 = '' OR system = $5);

-- name: merger_alerts
UPDATE alert SET organisation = $2, version = version + 1 WHERE organisation = $1 AND state < 2 AND ($3 = '' OR system = $3);

-- name: merger_children
UPDATE organisation SET parent = $2, version = version + 1 WHERE parent = $1 AND id <> $2;

-- name: merger_lift
UPDATE organisation SET parent = (SELECT up.parent FROM organisation up WHERE up.id = $2), version = version + 1
WHERE id = $1 AND parent = $2;

-- name: merger_close
UPDATE organisation SET until_day = $2, version = version + 1 WHERE id = $1;

-- name: merger_edge
INSERT INTO organisation_successor (predecessor, successor, day, kind) VALUES ($1, $2, $3, $4);

-- name: merger_edge_known
SELECT 1 FROM organisation_successor WHERE predecessor = $1 AND successor = $2 AND day = $3;

-- name: merger_conflicts
SELECT p.kind, p.value, a.id, b.id FROM system a
	JOIN system_place p ON p.system = a.id
	JOIN system_place q ON q.kind = p.kind AND q.value = p.value AND q.system <> p.system
	JOIN system b ON b.id = q.system
WHERE a.organisation = $1 AND b.organisation = $2 AND (a.organisation <> b.organisation OR a.id < b.id)
ORDER BY p.kind, p.value, a.id, b.id LIMIT 100;

-- name: merger_put
INSERT INTO organisation_change (kind, day, successor, plan, state, who, made_ms, done_ms, moved)
VALUES ($1, $2, $3, $4, $5, $6, $7, NULLIF($8, 0), $9) RETURNING id;

-- name: merger_end
UPDATE organisation_change SET state = $2, done_ms = $3, moved = $4 WHERE id = $1 AND state = 'planned';

-- name: merger_list
SELECT id, kind, day, successor, plan, state, who, made_ms, done_ms, moved FROM organisation_change ORDER BY id DESC LIMIT 500;

-- name: merger_get
SELECT id, kind, day, successor, plan, state, who, made_ms, done_ms, moved FROM organisation_change WHERE id = $1;

-- name: merger_due
SELECT id, kind, day, successor, plan, state, who, made_ms, done_ms, moved FROM organisation_change
WHERE state = 'planned' AND day <= $1 ORDER BY day, id LIMIT 1;

-- name: figures_opened
SELECT level, count(*) FROM alert WHERE opened_for = $1 AND opened_ms >= $2 AND opened_ms < $3 GROUP BY level;

-- name: figures_closed
SELECT level, count(*) FROM alert WHERE organisation = $1 AND state = 2 AND closed_ms >= $2 AND closed_ms < $3 GROUP BY level;
