-- Questions to a database that is only looked at (store/db_copy.c).

-- name: schema_now
SELECT max(number) FROM schema_version;

-- name: findings_block_now
SELECT value FROM setting WHERE name = 'findings_block';
