-- Alerts (alert/).

-- name: alert_latest
SELECT id, state, last_ms FROM alert WHERE rule = $1 AND entity_key = $2 AND lookback = $3 AND COALESCE(organisation, '') = $4
ORDER BY last_ms DESC LIMIT 1;

-- name: alert_told
SELECT first_ms, last_ms FROM alert WHERE rule = $1 AND entity_key = $2 AND lookback <> $3 AND COALESCE(organisation, $4) = $4
ORDER BY last_ms DESC LIMIT 10000;

-- name: alert_open
INSERT INTO alert (rule, title, title_vi, title_fold, level, state, entity_key, entity, techniques, count, first_ms,
	last_ms, opened_ms, organisation, system, demonstration, lookback, opened_for)
VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, NULLIF($13, ''), NULLIF($14, ''), $15, $16, NULLIF($13, ''))
RETURNING id;

-- name: alert_grow
UPDATE alert SET count = count + $2, first_ms = CASE WHEN $3 < first_ms THEN $3 ELSE first_ms END,
	last_ms = CASE WHEN $4 > last_ms THEN $4 ELSE last_ms END
WHERE id = $1;

-- name: alert_finding_put
INSERT INTO alert_finding (alert, event, time_ms, matched, text)
SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM alert_finding WHERE alert = $1) < $6;

-- name: alert_slot_put
INSERT INTO alert_slot (alert, slot, count) VALUES ($1, $2, $3)
ON CONFLICT (alert, slot) DO UPDATE SET count = alert_slot.count + excluded.count;

-- name: alert_prune
-- the newest row stays, whatever its age: its number is not given twice
DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = 2 AND last_ms < $1 AND COALESCE(closed_ms, 0) < $1
	AND id < (SELECT MAX(id) FROM alert) ORDER BY id LIMIT $2);

-- name: alert_slot_prune
DELETE FROM alert_slot WHERE slot < $1;

-- name: alert_slots
SELECT slot, count FROM alert_slot WHERE alert = $1 AND slot > $2;

-- name: alert_history_put
INSERT INTO alert_history (alert, at_ms, who, change, reason, verdict) VALUES ($1, $2, $3, $4, $5, $6);

-- name: alert_history_of
SELECT at_ms, who, change, reason, verdict FROM alert_history WHERE alert = $1 ORDER BY id;

-- name: alert_get
SELECT id, rule, title, title_vi, level, state, entity, techniques, count, first_ms, last_ms, opened_ms, organisation,
	system, assignee, reason, version, demonstration, lookback, verdict
FROM alert WHERE id = $1;

-- name: alert_list
SELECT id, rule, title, title_vi, level, state, entity, techniques, count, first_ms, last_ms, opened_ms, organisation,
	system, assignee, reason, version, demonstration, lookback, verdict
FROM alert
WHERE ($1 = 0 OR ($1 & (1 << CAST(state AS INTEGER))) <> 0) AND ($2 = 0 OR ($2 & (1 << CAST(level AS INTEGER))) <> 0)
	AND ($3 = '' OR system = $3) AND ($4 = '' OR organisation = $4)
	AND ($5 = '' OR title_fold LIKE '%' || $5 || '%' OR entity LIKE '%' || $5 || '%') AND ($6 = '' OR rule = $6)
	AND ($7 = '' OR assignee = $7) AND (last_ms, id) < ($8, $9) AND ($11 = '' OR verdict = $11)
	AND ($12 = 0 OR lookback = $12)
	AND ($13 = '' OR organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $13))
ORDER BY last_ms DESC, id DESC LIMIT $10;

-- name: alert_count
SELECT count(*) FROM alert
WHERE ($1 = 0 OR ($1 & (1 << CAST(state AS INTEGER))) <> 0) AND ($2 = 0 OR ($2 & (1 << CAST(level AS INTEGER))) <> 0)
	AND ($3 = '' OR system = $3) AND ($4 = '' OR organisation = $4)
	AND ($5 = '' OR title_fold LIKE '%' || $5 || '%' OR entity LIKE '%' || $5 || '%') AND ($6 = '' OR rule = $6)
	AND ($7 = '' OR assignee = $7) AND ($8 = '' OR verdict = $8) AND ($9 = 0 OR lookback = $9)
	AND ($10 = '' OR organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $10));

-- name: alert_similar
SELECT id, rule, title, title_vi, level, state, entity, techniques, count, first_ms, last_ms, opened_ms, organisation,
	system, assignee, reason, version, demonstration, lookback, verdict
FROM alert WHERE id <> $1 AND (rule = $2 OR (system = $3 AND $3 <> ''))
	AND ($5 = '' OR organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $5))
ORDER BY last_ms DESC, id DESC LIMIT $4;

-- name: alert_findings
SELECT event, time_ms, matched, text FROM alert_finding WHERE alert = $1 ORDER BY id DESC LIMIT $2;

-- name: alert_set
UPDATE alert SET state = $3, assignee = NULLIF($4, ''), reason = NULLIF($5, ''), closed_ms = $6, verdict = $7, version = version + 1
WHERE id = $1 AND version = $2;

-- name: alert_state_counts
SELECT state, level, count(*) FROM alert GROUP BY state, level;

-- name: alert_open_by_organisation
SELECT organisation, count(*) FROM alert WHERE state < 2 AND organisation IS NOT NULL GROUP BY organisation;

-- name: alert_leave_demonstration
UPDATE alert SET system = NULL, organisation = NULL, opened_for = NULL
WHERE system IN (SELECT id FROM system WHERE demonstration = 1)
	OR opened_for IN (SELECT id FROM organisation WHERE demonstration = 1
		AND id NOT IN (SELECT organisation FROM system WHERE demonstration = 0))
	OR organisation IN (SELECT id FROM organisation WHERE demonstration = 1
		AND id NOT IN (SELECT organisation FROM system WHERE demonstration = 0));

-- name: alert_forget_demonstration
DELETE FROM alert WHERE demonstration = 1;

-- name: rule_count_put
INSERT INTO rule_count (rule, fired, last_ms) VALUES ($1, $2, $3)
ON CONFLICT (rule) DO UPDATE SET fired = rule_count.fired + excluded.fired,
	last_ms = CASE WHEN excluded.last_ms > rule_count.last_ms THEN excluded.last_ms ELSE rule_count.last_ms END;

-- name: rule_count_all
SELECT rule, fired, last_ms FROM rule_count;
