-- Indicators, their sources and sightings (share/indicator.h).

-- name: indicator_source_put
INSERT INTO indicator_source (name, created_ms, imported_ms) VALUES ($1, $2, $2)
ON CONFLICT (name) DO UPDATE SET imported_ms = excluded.imported_ms
RETURNING id;

-- name: indicator_source_all
SELECT s.name, s.imported_ms, count(i.id), coalesce(sum(CASE WHEN i.state = 0 AND (i.until_ms IS NULL OR i.until_ms > $1) THEN 1 ELSE 0 END), 0),
	coalesce(sum(i.sightings), 0)
FROM indicator_source s LEFT JOIN indicator i ON i.source = s.id GROUP BY s.id ORDER BY s.name;

-- name: indicator_add
INSERT INTO indicator (kind, value, source, tlp, confidence, from_ms, until_ms, state, held_by, note, reference, who, created_ms)
VALUES ($1, $2, $3, $4, $5, NULLIF($6, $14), NULLIF($7, $14), $8, $9, $10, $11, $12, $13)
ON CONFLICT (value, kind, source) DO NOTHING
RETURNING id;

-- name: indicator_same
SELECT id, tlp, confidence, coalesce(from_ms, $4), coalesce(until_ms, $4), state, held_by, note, reference
FROM indicator WHERE value = $2 AND kind = $1 AND source = $3;

-- name: indicator_renew
UPDATE indicator SET tlp = $2, confidence = $3, from_ms = NULLIF($4, $10), until_ms = NULLIF($5, $10), state = $6, held_by = $7,
	note = $8, reference = $9, version = version + 1
WHERE id = $1;

-- name: indicator_get
SELECT i.id, i.kind, i.value, s.name, i.tlp, i.confidence, coalesce(i.from_ms, $2), coalesce(i.until_ms, $2), i.state, i.held_by,
	i.note, i.reference, i.who, i.created_ms, i.version, i.sightings, coalesce(i.first_seen_ms, $2), coalesce(i.last_seen_ms, $2)
FROM indicator i JOIN indicator_source s ON s.id = i.source WHERE i.id = $1;

-- name: indicator_alike
SELECT i.id, s.name, i.tlp, i.confidence FROM indicator i JOIN indicator_source s ON s.id = i.source
WHERE i.value = $2 AND i.kind = $1 AND i.state = 0 ORDER BY i.confidence DESC, i.id LIMIT 20;

-- name: indicator_list
SELECT i.id, i.kind, i.value, s.name, i.tlp, i.confidence, coalesce(i.from_ms, $8), coalesce(i.until_ms, $8), i.state, i.held_by,
	i.note, i.reference, i.who, i.created_ms, i.version, i.sightings, coalesce(i.first_seen_ms, $8), coalesce(i.last_seen_ms, $8)
FROM indicator i JOIN indicator_source s ON s.id = i.source
WHERE i.id < $1 AND ($2 < 0 OR i.kind = $2) AND ($3 = '' OR s.name = $3)
	AND ($4 < 0 OR ($4 = 0 AND i.state = 0 AND (i.until_ms IS NULL OR i.until_ms > $5))
		OR ($4 IN (1, 2) AND i.state = $4) OR ($4 = 3 AND i.state = 0 AND i.until_ms <= $5))
	AND ($6 = '' OR i.value LIKE '%' || $6 || '%')
ORDER BY i.id DESC LIMIT $7;

-- name: indicator_count
SELECT count(*)
FROM indicator i
WHERE ($1 < 0 OR i.kind = $1) AND ($2 = '' OR i.source = (SELECT id FROM indicator_source WHERE name = $2))
	AND ($3 < 0 OR ($3 = 0 AND i.state = 0 AND (i.until_ms IS NULL OR i.until_ms > $4))
		OR ($3 IN (1, 2) AND i.state = $3) OR ($3 = 3 AND i.state = 0 AND i.until_ms <= $4))
	AND ($5 = '' OR i.value LIKE '%' || $5 || '%');

-- name: indicator_set
UPDATE indicator SET state = $3, note = $4, until_ms = NULLIF($5, $7), confidence = $6, version = version + 1
WHERE id = $1 AND version = $2;

-- name: indicator_hold
UPDATE indicator SET state = 2, held_by = $2, version = version + 1 WHERE id = $1 AND state = 0;

-- name: indicator_all_held
SELECT id, kind, value FROM indicator WHERE state = 2 ORDER BY id;

-- name: indicator_let_go
UPDATE indicator SET state = 0, held_by = '', version = version + 1 WHERE id = $1 AND state = 2;

-- name: indicator_live
SELECT i.id, i.kind, i.value, i.confidence, coalesce(i.from_ms, $4), coalesce(i.until_ms, $4)
FROM indicator i
WHERE i.id > $1 AND i.state = 0 AND (i.until_ms IS NULL OR i.until_ms > $2)
	AND ($3 = '' OR i.source = (SELECT id FROM indicator_source WHERE name = $3))
ORDER BY i.id;

-- name: indicator_seen
UPDATE indicator SET sightings = sightings + $2,
	first_seen_ms = CASE WHEN first_seen_ms IS NULL OR $3 < first_seen_ms THEN $3 ELSE first_seen_ms END,
	last_seen_ms = CASE WHEN last_seen_ms IS NULL OR $4 > last_seen_ms THEN $4 ELSE last_seen_ms END
WHERE id = $1;

-- name: sighting_put
INSERT INTO indicator_sighting (indicator, event, time_ms, field, value, organisation, system)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: sighting_prune
DELETE FROM indicator_sighting WHERE indicator = $1 AND id <=
	coalesce((SELECT id FROM indicator_sighting WHERE indicator = $1 ORDER BY id DESC LIMIT 1 OFFSET $2), 0);

-- name: sighting_all
SELECT event, time_ms, field, value, organisation, system FROM indicator_sighting WHERE indicator = $1 ORDER BY id DESC;

-- name: indicator_generation_raise
INSERT INTO setting (name, value) VALUES ('indicator_generation', '1')
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(setting.value AS INTEGER) + 1 AS TEXT);

-- name: sighting_prune_old
DELETE FROM indicator_sighting WHERE indicator IN (SELECT id FROM indicator WHERE until_ms IS NOT NULL AND until_ms < $1
	AND id < (SELECT MAX(id) FROM indicator) ORDER BY id LIMIT $2);

-- name: indicator_prune
-- no image has held them for long, and the newest row stays, so that no number is given twice
DELETE FROM indicator WHERE id IN (SELECT id FROM indicator WHERE until_ms IS NOT NULL AND until_ms < $1
	AND id < (SELECT MAX(id) FROM indicator) ORDER BY id LIMIT $2);
