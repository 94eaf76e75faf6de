-- The record (store/record.h).

-- name: record_add
INSERT INTO record (seq, at_ms, who, action, noun, noun_id, entry)
SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4, $5, $6 FROM record;

-- name: record_put_back
INSERT INTO record (seq, at_ms, who, action, noun, noun_id, entry) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: record_last
SELECT COALESCE(MAX(seq), 0) FROM record;

-- name: record_evidence
-- backwards by seq, which finds one soon; the index on noun would bring all of them to be sorted
SELECT noun_id FROM record
WHERE noun || '' = 'blocks' AND action IN ('evidence.begins', 'evidence.sealed', 'evidence.behind')
ORDER BY seq DESC LIMIT 1;

-- name: record_restored
SELECT COALESCE(MAX(seq), 0) FROM record WHERE noun = 'backups' AND action = 'restore'
	AND seq > (SELECT COALESCE(MAX(seq), 0) FROM record WHERE noun = 'records' AND action = 'record.anew');

-- name: record_after
SELECT seq, entry FROM record WHERE seq > $1 ORDER BY seq LIMIT $2;

-- name: record_list
SELECT seq, at_ms, who, action, noun, noun_id, entry FROM record
WHERE seq < $1 AND ($2 = '' OR who = $2) AND ($3 = '' OR noun = $3) AND ($4 = '' OR noun_id = $4)
	AND at_ms >= $6 AND at_ms < $7 AND ($8 = 0 OR who <> 'khien')
ORDER BY seq DESC LIMIT $5;
