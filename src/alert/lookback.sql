-- Looking back (alert/lookback.h).

-- name: lookback_put
INSERT INTO lookback (kind, rule, source, title, text, from_ms, to_ms, who, created_ms, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
RETURNING id;

-- name: lookback_waiting
SELECT count(*) FROM lookback WHERE state = 0;

-- name: lookback_alike
SELECT id FROM lookback WHERE state = 0 AND kind = $1 AND rule = $2 AND source = $3 AND text = '' LIMIT 1;

-- name: lookback_widen
UPDATE lookback SET from_ms = CASE WHEN $2 < from_ms THEN $2 ELSE from_ms END,
	to_ms = CASE WHEN $3 > to_ms THEN $3 ELSE to_ms END, created_ms = $4
WHERE id = $1;

-- name: lookback_list
SELECT id, kind, state, rule, source, title, who, from_ms, to_ms, created_ms, ended_ms, upto, at_block, at_record, blocks, blocks_done,
	blocks_damaged, events, spent_ms, findings, told, alerts, first_hit_ms, last_hit_ms, faults, text
FROM lookback WHERE id < $1 ORDER BY id DESC LIMIT $2;

-- name: lookback_count
SELECT count(*) FROM lookback;

-- name: lookback_get
SELECT id, kind, state, rule, source, title, who, from_ms, to_ms, created_ms, ended_ms, upto, at_block, at_record, blocks, blocks_done,
	blocks_damaged, events, spent_ms, findings, told, alerts, first_hit_ms, last_hit_ms, faults, text
FROM lookback WHERE id = $1;

-- name: lookback_next
SELECT id, kind, state, rule, source, title, who, from_ms, to_ms, created_ms, ended_ms, upto, at_block, at_record, blocks, blocks_done,
	blocks_damaged, events, spent_ms, findings, told, alerts, first_hit_ms, last_hit_ms, faults, text
FROM lookback WHERE state IN (0, 1) ORDER BY state DESC, id LIMIT 1;

-- name: lookback_begin
UPDATE lookback SET state = 1, upto = $2, blocks = $3, title = $4 WHERE id = $1;

-- name: lookback_save
UPDATE lookback SET at_block = $2, at_record = $3, blocks_done = $4, blocks_damaged = $5, events = $6, spent_ms = $7,
	findings = $8, told = $9, alerts = $10, first_hit_ms = $11, last_hit_ms = $12
WHERE id = $1;

-- name: lookback_end
UPDATE lookback SET state = $2, faults = CASE WHEN $3 = '' THEN faults ELSE $3 END, ended_ms = $4
WHERE id = $1 AND state IN (0, 1);

-- name: lookback_hit_put
INSERT INTO lookback_hit (lookback, event, time_ms, rule, title, level, matched, text, organisation, system)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: lookback_hits
SELECT event, time_ms, rule, title, level, matched, text, organisation, system
FROM lookback_hit WHERE lookback = $1 ORDER BY id LIMIT $2;

-- name: lookback_hits_forget
DELETE FROM lookback_hit WHERE lookback = $1;

-- name: lookback_day_put
INSERT INTO lookback_day (lookback, day, count) VALUES ($1, $2, $3)
ON CONFLICT (lookback, day) DO UPDATE SET count = lookback_day.count + excluded.count;

-- name: lookback_days
SELECT day, count FROM lookback_day WHERE lookback = $1 ORDER BY day LIMIT $2;

-- name: lookback_days_forget
DELETE FROM lookback_day WHERE lookback = $1;

-- name: lookback_prune
DELETE FROM lookback WHERE state > 1 AND id NOT IN (SELECT id FROM lookback WHERE state > 1 ORDER BY id DESC LIMIT $1);
