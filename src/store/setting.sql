-- Small facts of the installation: name -> value.

-- name: setting_get
SELECT value FROM setting WHERE name = $1;

-- name: setting_set
INSERT INTO setting (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: setting_delete
DELETE FROM setting WHERE name = $1;
