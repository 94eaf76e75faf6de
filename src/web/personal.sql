-- What for somebody reads how to reach people (web/personal.h).

-- name: purpose_list
SELECT id, title_vi, title_en, ask FROM purpose ORDER BY place, id;

-- name: purpose_get
SELECT ask FROM purpose WHERE id = $1;

-- name: purpose_of_session
SELECT purpose, purpose_until_ms FROM session WHERE person = $1 AND substr(hash, 1, 16) = $2;

-- name: purpose_say
UPDATE session SET purpose = $3, purpose_until_ms = $4 WHERE person = $1 AND substr(hash, 1, 16) = $2;
