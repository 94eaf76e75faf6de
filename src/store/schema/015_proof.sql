-- When a session's person proved himself (web/session.h): by anything, and by more than the password. Both are asked again
-- before what signs in is changed.
ALTER TABLE session ADD COLUMN proven_ms {INT} NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN second_ms {INT} NOT NULL DEFAULT 0;

-- Recovery codes of 80 bits are no longer taken: their owners are told to make others.
DELETE FROM recovery_code;
