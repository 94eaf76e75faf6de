-- People, sessions and API keys (web/session.h).

-- name: person_count
SELECT count(*) FROM person WHERE disabled = 0;

-- name: person_put
INSERT INTO person (login, name, role, password, created_ms) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: person_by_login
SELECT id, login, name, role, organisation, directory, created_ms, password FROM person WHERE login = $1 AND disabled = 0;

-- name: person_get
SELECT id, login, name, role, organisation, directory, created_ms FROM person WHERE id = $1 AND disabled = 0;

-- name: person_from_directory
UPDATE person SET directory = 1, role = $2, name = $3,
	organisation = CASE WHEN $4 <> '' THEN $4 WHEN placed = 1 THEN NULL ELSE organisation END,
	placed = CASE WHEN $4 <> '' THEN 1 ELSE 0 END,
	version = version + CASE WHEN role = $2 AND name = $3 AND COALESCE(organisation, '') = $4 THEN 0 ELSE 1 END
WHERE id = $1;

-- name: person_set_password
UPDATE person SET password = $2, password_ms = $3 WHERE id = $1;

-- name: session_put
INSERT INTO session (hash, person, created_ms, seen_ms, proven_ms, second_ms, peer, agent, factor)
VALUES ($1, $2, $3, $3, $3, $4, $5, $6, $7);

-- name: session_get
SELECT p.id, p.login, p.name, p.role, p.organisation, p.directory, p.created_ms, s.created_ms, s.seen_ms, s.proven_ms, s.second_ms,
	CASE WHEN s.factor = 'setup' THEN 1 ELSE 0 END
FROM session s JOIN person p ON p.id = s.person WHERE s.hash = $1 AND p.disabled = 0;

-- name: session_seen
UPDATE session SET seen_ms = $2 WHERE hash = $1;

-- name: session_proven
UPDATE session SET proven_ms = $3, second_ms = CASE WHEN $4 = 1 THEN $3 ELSE second_ms END
WHERE person = $1 AND substr(hash, 1, 16) = $2;

-- name: session_delete
DELETE FROM session WHERE hash = $1;

-- name: session_prune
DELETE FROM session WHERE seen_ms < $1 OR created_ms < $2;

-- name: session_list
SELECT substr(hash, 1, 16), peer, agent, factor, created_ms, seen_ms FROM session
WHERE person = $1 AND seen_ms > $2 AND created_ms > $3 ORDER BY seen_ms DESC, hash;

-- name: session_end_one
DELETE FROM session WHERE person = $1 AND substr(hash, 1, 16) = $2;

-- name: session_end_others
DELETE FROM session WHERE person = $1 AND substr(hash, 1, 16) <> $2;

-- name: person_account
SELECT directory, password_ms FROM person WHERE id = $1;

-- name: api_key_put
INSERT INTO api_key (hash, name, role, created_ms, scopes, organisation, person, until_ms)
VALUES ($1, $2, $3, $4, $5, NULLIF($6, ''), NULLIF(CAST($7 AS BIGINT), 0), NULLIF(CAST($8 AS BIGINT), 0));

-- name: api_key_get
SELECT k.name, k.role, k.organisation, k.scopes, k.until_ms, k.revoked_ms, k.used_ms, k.person, p.role, p.organisation,
	p.disabled
FROM api_key k LEFT JOIN person p ON p.id = k.person WHERE k.hash = $1;

-- name: api_key_used
UPDATE api_key SET used_ms = $2 WHERE hash = $1;

-- name: api_key_list
SELECT substr(k.hash, 1, 16), k.name, k.role, k.scopes, k.organisation, p.login, k.person, k.created_ms, k.until_ms, k.used_ms,
	k.revoked_ms
FROM api_key k LEFT JOIN person p ON p.id = k.person
WHERE ($1 = 0 OR k.person = $1) AND ($2 = '' OR substr(k.hash, 1, 16) = $2) ORDER BY k.created_ms DESC, k.hash;

-- name: api_key_revoke
UPDATE api_key SET revoked_ms = $2 WHERE substr(hash, 1, 16) = $1 AND revoked_ms IS NULL;
