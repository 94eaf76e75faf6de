-- Files handed in and sweeps (inspect/). States are enum upload_state and enum sweep_state.

-- name: upload_new
INSERT INTO upload (name, size, wanted, state, who, system, created_ms) VALUES ($1, $2, $3, 0, $4, $5, $6) RETURNING id;

-- name: upload_get
SELECT id, name, size, wanted, sha256, state, problem, crashes, match_count, matches, who, system, created_ms, done_ms,
	removed_who, removed_ms
FROM upload WHERE id = $1;

-- name: upload_list
SELECT id, name, size, wanted, sha256, state, problem, crashes, match_count, matches, who, system, created_ms, done_ms,
	removed_who, removed_ms
FROM upload WHERE id < $1 AND ($2 = '' OR sha256 = $2) AND ($3 < 0 OR state = $3) ORDER BY id DESC LIMIT $4;

-- name: upload_count
SELECT count(*) FROM upload WHERE ($1 = '' OR sha256 = $1) AND ($2 < 0 OR state = $2);

-- name: upload_kept_bytes
SELECT coalesce(sum(size), 0) FROM upload WHERE state < 5;

-- name: upload_hashed
UPDATE upload SET state = 1, sha256 = $2 WHERE id = $1;

-- name: upload_scanned
UPDATE upload SET state = $2, problem = $3, match_count = $4, matches = $5, done_ms = $6 WHERE id = $1;

-- name: upload_crashed
UPDATE upload SET crashes = $2 WHERE id = $1;

-- name: upload_gone
UPDATE upload SET state = $2, problem = $3, removed_who = $4, removed_ms = $5 WHERE id = $1;

-- name: upload_waiting
SELECT id, name, crashes FROM upload WHERE state = 1 ORDER BY id LIMIT $1;

-- name: upload_unfinished
SELECT id FROM upload WHERE state = 0 AND created_ms < $1 ORDER BY id LIMIT $2;

-- name: upload_old
SELECT id FROM upload WHERE state IN (2, 4) AND created_ms < $1 ORDER BY id LIMIT $2;

-- name: sweep_new
INSERT INTO sweep (folder, state, who, system, created_ms) VALUES ($1, 0, $2, $3, $4) RETURNING id;

-- name: sweep_get
SELECT id, folder, state, problem, who, system, stopped_who, created_ms, started_ms, ended_ms, files, files_done, bytes,
	matches, partial, errors, crashed, links, special, elsewhere
FROM sweep WHERE id = $1;

-- name: sweep_list
SELECT id, folder, state, problem, who, system, stopped_who, created_ms, started_ms, ended_ms, files, files_done, bytes,
	matches, partial, errors, crashed, links, special, elsewhere
FROM sweep WHERE id < $1 ORDER BY id DESC LIMIT $2;

-- name: sweep_count
SELECT count(*) FROM sweep;

-- name: sweep_waiting_count
SELECT count(*) FROM sweep WHERE state = 0;

-- name: sweep_next
SELECT id, folder, system FROM sweep WHERE state = 0 ORDER BY id LIMIT 1;

-- name: sweep_start
UPDATE sweep SET state = 1, started_ms = $2 WHERE id = $1;

-- name: sweep_progress
UPDATE sweep SET files = $2, files_done = $3, bytes = $4, matches = $5, partial = $6, errors = $7, crashed = $8, links = $9,
	special = $10, elsewhere = $11
WHERE id = $1;

-- name: sweep_end
UPDATE sweep SET state = $2, problem = $3, stopped_who = $4, ended_ms = $5 WHERE id = $1;

-- name: sweep_interrupted
UPDATE sweep SET state = 4, problem = 'interrupted', ended_ms = $1 WHERE state = 1;

-- name: sweep_match_put
INSERT INTO sweep_match (sweep, path, sha256, bytes, partial, matches)
SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM sweep_match WHERE sweep = $1) < $7;

-- name: sweep_match_is
SELECT count(*) FROM sweep_match WHERE sweep = $1 AND path = $2 AND sha256 = $3 AND bytes = $4;

-- name: sweep_match_of
SELECT path, sha256, bytes, partial, matches FROM sweep_match WHERE sweep = $1 ORDER BY id LIMIT $2;

-- name: sweep_error_put
INSERT INTO sweep_error (sweep, path, what)
SELECT $1, $2, $3 WHERE (SELECT count(*) FROM sweep_error WHERE sweep = $1) < $4;

-- name: sweep_error_of
SELECT path, what FROM sweep_error WHERE sweep = $1 ORDER BY id LIMIT $2;

-- name: sweep_old
SELECT id FROM sweep WHERE state >= 2 AND ended_ms > 0 AND ended_ms < $1 AND id < (SELECT MAX(id) FROM sweep) ORDER BY id LIMIT $2;

-- name: sweep_delete
DELETE FROM sweep WHERE id = $1;

-- name: upload_prune
DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE state >= 5 AND removed_ms > 0 AND removed_ms < $1
	AND id < (SELECT MAX(id) FROM upload) ORDER BY id LIMIT $2);
