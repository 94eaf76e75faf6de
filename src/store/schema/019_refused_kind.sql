-- 0: a sign-in that failed, 1: a request that was refused, 2: input that was (web/failures.h). Each has a bound of its own.
ALTER TABLE sign_in_failure ADD COLUMN kind {INT} NOT NULL DEFAULT 0;
UPDATE sign_in_failure SET kind = 1 WHERE what LIKE '%' || ' ' || '%';
CREATE INDEX sign_in_failure_kind ON sign_in_failure (kind, last_ms);
