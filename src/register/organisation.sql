-- Organisations in time, and whom to call (register/organisation.h).

-- name: kind_clear
DELETE FROM organisation_kind WHERE id NOT IN (SELECT kind FROM organisation);

-- name: kind_put
INSERT INTO organisation_kind (id, name_vi, name_en, under, place) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET name_vi = excluded.name_vi, name_en = excluded.name_en, under = excluded.under,
	place = excluded.place;

-- name: kind_get
SELECT under FROM organisation_kind WHERE id = $1;

-- name: kind_all
SELECT id, name_vi, name_en, under FROM organisation_kind ORDER BY place, id;

-- name: organisation_list
SELECT o.id, COALESCE((SELECT n.name FROM organisation_name n WHERE n.organisation = o.id
		AND COALESCE(n.from_day, '') <= $5 AND COALESCE(n.until_day, '9999-12-31') >= $5), o.name),
	o.name, o.kind, o.parent, p.name, o.from_day, o.until_day, o.version, o.demonstration,
	(SELECT count(*) FROM alert a WHERE a.organisation = o.id AND a.state < 2),
	(SELECT max(a.level) FROM alert a WHERE a.organisation = o.id AND a.state < 2), o.name_fold
FROM organisation o LEFT JOIN organisation p ON p.id = o.parent
WHERE ($1 = '' OR o.id IN (SELECT organisation FROM organisation_reach WHERE ancestor = $1))
	AND ($2 = '' OR o.name_fold LIKE '%' || $2 || '%' OR o.id = $2 OR EXISTS (SELECT 1 FROM organisation_name n
		WHERE n.organisation = o.id AND n.name_fold LIKE '%' || $2 || '%'))
	AND ($3 = '' OR o.kind = $3)
	AND ($4 = '' OR o.parent = $4)
	AND ($6 = 'any' OR CASE WHEN COALESCE(o.until_day, '9999-12-31') < $5 THEN 'closed'
		WHEN COALESCE(o.from_day, '') > $5 THEN 'planned' ELSE 'active' END = $6)
	AND ($7 = '' OR (o.name_fold, o.id) > ($7, $8))
ORDER BY o.name_fold, o.id LIMIT $9;

-- name: organisation_count
SELECT count(*) FROM organisation o
WHERE ($1 = '' OR o.id IN (SELECT organisation FROM organisation_reach WHERE ancestor = $1))
	AND ($2 = '' OR o.name_fold LIKE '%' || $2 || '%' OR o.id = $2 OR EXISTS (SELECT 1 FROM organisation_name n
		WHERE n.organisation = o.id AND n.name_fold LIKE '%' || $2 || '%'))
	AND ($3 = '' OR o.kind = $3)
	AND ($4 = '' OR o.parent = $4)
	AND ($6 = 'any' OR CASE WHEN COALESCE(o.until_day, '9999-12-31') < $5 THEN 'closed'
		WHEN COALESCE(o.from_day, '') > $5 THEN 'planned' ELSE 'active' END = $6);

-- name: organisation_get
SELECT o.id, COALESCE((SELECT n.name FROM organisation_name n WHERE n.organisation = o.id
		AND COALESCE(n.from_day, '') <= $2 AND COALESCE(n.until_day, '9999-12-31') >= $2), o.name),
	o.name, o.kind, o.parent, p.name, o.from_day, o.until_day, o.version, o.demonstration,
	(SELECT count(*) FROM alert a WHERE a.organisation = o.id AND a.state < 2),
	(SELECT max(a.level) FROM alert a WHERE a.organisation = o.id AND a.state < 2), o.name_fold
FROM organisation o LEFT JOIN organisation p ON p.id = o.parent
WHERE o.id = $1;

-- name: organisation_reaches
SELECT 1 FROM organisation_reach WHERE ancestor = $1 AND organisation = $2;

-- name: organisation_add
INSERT INTO organisation (id, name, name_fold, kind, parent, from_day, until_day, updated_ms)
VALUES ($1, $2, $3, $4, NULLIF($5, ''), NULLIF($6, ''), NULLIF($7, ''), $8);

-- name: organisation_set
UPDATE organisation SET kind = $3, parent = NULLIF($4, ''), from_day = NULLIF($5, ''), until_day = NULLIF($6, ''),
	updated_ms = $7, version = version + 1
WHERE id = $1 AND ($2 = 0 OR version = $2);

-- name: organisation_name_set
UPDATE organisation SET name = $2, name_fold = $3, version = version + 1 WHERE id = $1;

-- name: organisation_name_of
SELECT name, from_day, until_day FROM organisation_name WHERE organisation = $1 ORDER BY COALESCE(from_day, '');

-- name: organisation_name_add
INSERT INTO organisation_name (organisation, name, name_fold, from_day, until_day)
VALUES ($1, $2, $3, NULLIF($4, ''), NULLIF($5, ''));

-- name: organisation_name_end
UPDATE organisation_name SET until_day = $2 WHERE organisation = $1 AND until_day IS NULL;

-- name: organisation_name_correct
UPDATE organisation_name SET name = $2, name_fold = $3
WHERE organisation = $1 AND COALESCE(from_day, '') <= $4 AND COALESCE(until_day, '9999-12-31') >= $4;

-- name: organisation_name_due
SELECT n.organisation, n.name, n.name_fold FROM organisation_name n JOIN organisation o ON o.id = n.organisation
WHERE COALESCE(n.from_day, '') <= $1 AND COALESCE(n.until_day, '9999-12-31') >= $1 AND n.name <> o.name;

-- name: organisation_ring
SELECT up.ancestor FROM organisation_reach up
	JOIN organisation_reach down ON down.ancestor = up.organisation AND down.organisation = up.ancestor
WHERE up.ancestor <> up.organisation ORDER BY up.ancestor LIMIT 1;

-- name: organisation_successors
SELECT s.successor, o.name, s.day, s.kind FROM organisation_successor s JOIN organisation o ON o.id = s.successor
WHERE s.predecessor = $1 ORDER BY s.day, s.successor;

-- name: organisation_predecessors
SELECT s.predecessor, o.name, s.day, s.kind FROM organisation_successor s JOIN organisation o ON o.id = s.predecessor
WHERE s.successor = $1 ORDER BY s.day, s.predecessor;

-- name: contact_of
SELECT id, organisation, name, role, phone, email, rank, from_day, until_day, confirmed_day, version, '' FROM contact
WHERE organisation = $1 ORDER BY CASE WHEN COALESCE(until_day, '9999-12-31') < $2 THEN 1 ELSE 0 END, rank, id;

-- name: contact_get
SELECT id, organisation, name, role, phone, email, rank, from_day, until_day, confirmed_day, version, '' FROM contact
WHERE organisation = $1 AND id = $2;

-- name: contact_due
SELECT c.id, c.organisation, c.name, c.role, c.phone, c.email, c.rank, c.from_day, c.until_day, c.confirmed_day, c.version,
	o.name
FROM contact c JOIN organisation o ON o.id = c.organisation
WHERE ($1 = '' OR c.organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $1))
	AND ($2 = '' OR c.name_fold LIKE '%' || $2 || '%' OR o.name_fold LIKE '%' || $2 || '%')
	AND COALESCE(c.until_day, '9999-12-31') >= $3 AND c.confirmed_day < $4 AND c.id > $5
ORDER BY c.id LIMIT $6;

-- name: contact_due_count
SELECT count(*) FROM contact c JOIN organisation o ON o.id = c.organisation
WHERE ($1 = '' OR c.organisation IN (SELECT organisation FROM organisation_reach WHERE ancestor = $1))
	AND ($2 = '' OR c.name_fold LIKE '%' || $2 || '%' OR o.name_fold LIKE '%' || $2 || '%')
	AND COALESCE(c.until_day, '9999-12-31') >= $3 AND c.confirmed_day < $4;

-- name: contact_add
INSERT INTO contact (organisation, name, name_fold, role, phone, email, rank, from_day, until_day, confirmed_day, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, NULLIF($8, ''), NULLIF($9, ''), $10, $11)
RETURNING id;

-- name: contact_set
UPDATE contact SET name = $4, name_fold = $5, role = $6, phone = $7, email = $8, rank = $9, from_day = NULLIF($10, ''),
	until_day = NULLIF($11, ''), confirmed_day = $12, updated_ms = $13, version = version + 1
WHERE organisation = $1 AND id = $2 AND ($3 = 0 OR version = $3);

-- name: contact_valid
SELECT organisation, name, phone, email FROM contact
WHERE COALESCE(from_day, '') <= $1 AND COALESCE(until_day, '9999-12-31') >= $1
ORDER BY organisation, rank, id;

-- name: contact_named
SELECT id FROM contact WHERE organisation = $1 AND name = $2;
