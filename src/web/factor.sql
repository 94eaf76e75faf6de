-- What a person proves himself with beside the password (web/factor.h).

-- name: factors_of
SELECT (SELECT count(*) FROM totp t WHERE t.person = p.id AND t.confirmed = 1),
	(SELECT count(*) FROM passkey k WHERE k.person = p.id),
	(SELECT count(*) FROM recovery_code r WHERE r.person = p.id AND r.used_ms IS NULL),
	(SELECT max(t.used_ms) FROM totp t WHERE t.person = p.id AND t.confirmed = 1)
FROM person p WHERE p.id = $1;

-- name: totp_put
INSERT INTO totp (person, secret, created_ms) VALUES ($1, $2, $3)
ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, created_ms = excluded.created_ms, confirmed = 0, last_step = -1,
	used_ms = NULL;

-- name: totp_get
SELECT secret, last_step FROM totp WHERE person = $1 AND confirmed = $2;

-- name: totp_step
UPDATE totp SET last_step = $2, used_ms = $3, confirmed = 1 WHERE person = $1 AND last_step < $2;

-- name: totp_delete
DELETE FROM totp WHERE person = $1;

-- name: passkey_put
INSERT INTO passkey (person, name, rp, credential, algorithm, public_key, counter, created_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: passkey_list
SELECT id, person, name, rp, credential, created_ms, used_ms FROM passkey WHERE person = $1 ORDER BY id;

-- name: passkey_get
SELECT id, person, name, rp, credential, created_ms, used_ms, algorithm, public_key, counter FROM passkey WHERE credential = $1;

-- name: passkey_used
UPDATE passkey SET counter = $2, used_ms = $3 WHERE id = $1;

-- name: passkey_delete
DELETE FROM passkey WHERE person = $1 AND id = $2;

-- name: passkey_delete_all
DELETE FROM passkey WHERE person = $1;

-- name: recovery_delete
DELETE FROM recovery_code WHERE person = $1;

-- name: recovery_put
INSERT INTO recovery_code (person, hash, created_ms) VALUES ($1, $2, $3);

-- name: recovery_unused
SELECT hash FROM recovery_code WHERE person = $1 AND used_ms IS NULL;

-- name: recovery_use
UPDATE recovery_code SET used_ms = $3 WHERE person = $1 AND hash = $2 AND used_ms IS NULL;

-- name: failure_put
INSERT INTO sign_in_failure (slot, login, peer, what, count, first_ms, last_ms, kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (slot, login, peer, what) DO UPDATE SET count = sign_in_failure.count + excluded.count,
	last_ms = excluded.last_ms;

-- name: failure_prune
DELETE FROM sign_in_failure WHERE kind = $2
	AND last_ms < (SELECT last_ms FROM sign_in_failure WHERE kind = $2 ORDER BY last_ms DESC LIMIT 1 OFFSET $1);

-- name: failure_list
SELECT login, peer, what, count, first_ms, last_ms FROM sign_in_failure
WHERE ($1 = '' OR login = $1) AND ($2 = '' OR peer = $2) AND ($5 < 0 OR kind = $5) ORDER BY last_ms DESC, login, peer, what, slot LIMIT $3 OFFSET $4;
