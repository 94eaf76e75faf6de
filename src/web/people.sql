-- Roles and accounts as rows (web/people.h).

-- name: role_rights
SELECT rights, agency, second_factor, second_factor_days FROM role WHERE id = $1;

-- name: role_get
SELECT r.id, r.title_vi, r.title_en, r.rights, r.agency, r.second_factor, r.builtin, r.version,
	(SELECT count(*) FROM person p WHERE p.role = r.id), (SELECT count(*) FROM api_key k WHERE k.role = r.id),
	r.second_factor_days
FROM role r WHERE r.id = $1;

-- name: role_list
SELECT r.id, r.title_vi, r.title_en, r.rights, r.agency, r.second_factor, r.builtin, r.version,
	(SELECT count(*) FROM person p WHERE p.role = r.id), (SELECT count(*) FROM api_key k WHERE k.role = r.id),
	r.second_factor_days
FROM role r ORDER BY r.builtin DESC, r.id;

-- name: role_put
INSERT INTO role (id, title_vi, title_en, rights, agency, second_factor, second_factor_days)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: role_set
UPDATE role SET title_vi = $3, title_en = $4, rights = $5, agency = $6, second_factor = $7, second_factor_days = $8,
	version = version + 1 WHERE id = $1 AND version = $2;

-- name: role_delete
DELETE FROM role WHERE id = $1 AND builtin = 0;

-- name: account_get
SELECT p.id, p.login, p.name, p.role, p.organisation, p.disabled, p.created_ms, p.version, p.link_until_ms,
	CASE WHEN p.password = '' AND p.directory = 0 THEN 0 ELSE 1 END,
	(SELECT max(s.seen_ms) FROM session s WHERE s.person = p.id), p.directory
FROM person p WHERE p.id = $1;

-- name: account_list
SELECT p.id, p.login, p.name, p.role, p.organisation, p.disabled, p.created_ms, p.version, p.link_until_ms,
	CASE WHEN p.password = '' AND p.directory = 0 THEN 0 ELSE 1 END,
	(SELECT max(s.seen_ms) FROM session s WHERE s.person = p.id), p.directory
FROM person p
WHERE p.id > $1 AND ($2 = '' OR p.organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $2))
	AND ($3 = '' OR p.role = $3) AND ($4 = '' OR p.organisation = $4)
ORDER BY p.id LIMIT $5;

-- name: account_total
SELECT count(*) FROM person p
WHERE ($1 = '' OR p.organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $1))
	AND ($2 = '' OR p.role = $2) AND ($3 = '' OR p.organisation = $3);

-- name: account_put
INSERT INTO person (login, name, role, organisation, password, created_ms) VALUES ($1, $2, $3, NULLIF($4, ''), '', $5)
RETURNING id;

-- name: account_set
UPDATE person SET name = $3, role = $4, organisation = NULLIF($5, ''), disabled = $6, version = version + 1,
	placed = CASE WHEN COALESCE(organisation, '') = $5 THEN placed ELSE 0 END
WHERE id = $1 AND version = $2;

-- name: account_link
UPDATE person SET link = $2, link_until_ms = $3, version = version + 1 WHERE id = $1;

-- name: account_of_link
SELECT id, login, name, organisation, directory FROM person WHERE link = $1 AND link <> '' AND link_until_ms > $2 AND disabled = 0;

-- name: account_operators
SELECT r.rights, count(*) FROM person p JOIN role r ON r.id = p.role
WHERE p.disabled = 0 AND p.organisation IS NULL AND r.agency = 0 AND (p.password <> '' OR p.directory = 1)
GROUP BY r.rights;
