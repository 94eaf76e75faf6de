-- What the desk decided about rules (alert/rulebook.h), and exceptions (alert/exception.h).

-- name: rule_switch_put
INSERT INTO rule_switch (rule, off, level, reason, who, at_ms) VALUES ($1, $2, NULLIF($3, -1), $4, $5, $6)
ON CONFLICT (rule) DO UPDATE SET off = excluded.off, level = excluded.level, reason = excluded.reason,
	who = excluded.who, at_ms = excluded.at_ms;

-- name: rule_switch_get
SELECT rule, off, COALESCE(level, -1), reason, who, at_ms FROM rule_switch WHERE rule = $1;

-- name: rule_switch_all
SELECT rule, off, COALESCE(level, -1), reason, who, at_ms FROM rule_switch ORDER BY rule;

-- name: rule_switch_forget
DELETE FROM rule_switch WHERE rule = $1;

-- name: rule_history_put
INSERT INTO rule_history (rule, at_ms, who, change, reason) VALUES ($1, $2, $3, $4, $5);

-- name: rule_history_of
SELECT at_ms, who, change, reason FROM rule_history WHERE rule = $1 ORDER BY id DESC LIMIT 100;

-- name: rule_version
SELECT COALESCE(max(id), 0) FROM rule_history WHERE rule = $1;

-- name: own_rule_put
INSERT INTO own_rule (id, text, who, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $4);

-- name: own_rule_set
UPDATE own_rule SET text = $2, who = $3, changed_ms = $4 WHERE id = $1;

-- name: own_rule_get
SELECT id, text, who, created_ms, changed_ms FROM own_rule WHERE id = $1;

-- name: own_rule_all
SELECT id, text, who, created_ms, changed_ms FROM own_rule ORDER BY id;

-- name: own_rule_forget
DELETE FROM own_rule WHERE id = $1;

-- name: own_rule_count
SELECT count(*), COALESCE(sum(length(text)), 0) FROM own_rule;

-- name: exception_put
INSERT INTO rule_exception (rule, rule_title, fields, reason, who, created_ms, until_ms, alert)
VALUES ($1, $2, $3, $4, $5, $6, $7, NULLIF($8, 0)) RETURNING id;

-- name: exception_get
SELECT id, rule, rule_title, fields, reason, who, created_ms, until_ms, alert, ended_ms, ended_who, matched, last_ms
FROM rule_exception WHERE id = $1;

-- name: exception_list
SELECT id, rule, rule_title, fields, reason, who, created_ms, until_ms, alert, ended_ms, ended_who, matched, last_ms
FROM rule_exception
WHERE ($1 = '' OR rule = $1) AND ($2 = 0 OR ($2 = 1) = (ended_ms IS NULL AND until_ms > $3)) AND id < $4
ORDER BY id DESC LIMIT $5;

-- name: exception_total
SELECT count(*) FROM rule_exception
WHERE ($1 = '' OR rule = $1) AND ($2 = 0 OR ($2 = 1) = (ended_ms IS NULL AND until_ms > $3));

-- name: exception_active
SELECT id, rule, rule_title, fields, reason, who, created_ms, until_ms, alert, ended_ms, ended_who, matched, last_ms
FROM rule_exception WHERE ended_ms IS NULL AND until_ms > $1 ORDER BY id;

-- name: exception_counts
SELECT rule, count(*), 0 FROM rule_exception WHERE ended_ms IS NULL AND until_ms > $1 GROUP BY rule;

-- name: exception_end
UPDATE rule_exception SET ended_ms = $2, ended_who = $3 WHERE id = $1 AND ended_ms IS NULL AND until_ms > $2;

-- name: exception_grow
UPDATE rule_exception SET matched = matched + $2,
	last_ms = CASE WHEN last_ms IS NULL OR $3 > last_ms THEN $3 ELSE last_ms END
WHERE id = $1;

-- name: rule_score_all
SELECT rule, fired, last_ms, closed_true, closed_false FROM rule_count;

-- name: rule_closed_put
INSERT INTO rule_count (rule, fired, last_ms, closed_true, closed_false) VALUES ($1, 0, 0, $2, $3)
ON CONFLICT (rule) DO UPDATE SET closed_true = rule_count.closed_true + excluded.closed_true,
	closed_false = rule_count.closed_false + excluded.closed_false;

-- name: rule_cost_all
SELECT rule, sum_ns, samples FROM rule_cost;

-- name: rule_cost_add
INSERT INTO rule_cost (rule, sum_ns, samples) VALUES ($1, $2, $3)
ON CONFLICT (rule) DO UPDATE SET
	sum_ns = excluded.sum_ns + CASE WHEN rule_cost.samples >= $4 THEN rule_cost.sum_ns / 2 ELSE rule_cost.sum_ns END,
	samples = excluded.samples + CASE WHEN rule_cost.samples >= $4 THEN rule_cost.samples / 2 ELSE rule_cost.samples END;

-- name: rule_cost_forget
DELETE FROM rule_cost WHERE rule = $1;

-- name: source_seen_all
SELECT organisation, product, category, service, events, last_ms FROM source_seen;

-- name: source_seen_put
INSERT INTO source_seen (organisation, product, category, service, events, last_ms) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organisation, product, category, service) DO UPDATE SET events = excluded.events, last_ms = excluded.last_ms;

-- name: field_seen_all
SELECT name FROM field_seen;

-- name: field_seen_put
INSERT INTO field_seen (name, at_ms) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;

-- name: alert_count_by_rule
SELECT rule, sum(count), max(last_ms) FROM alert WHERE organisation = $1 GROUP BY rule;
