-- 1: the organisation's directory said where this person is (web/proof.c), not somebody here.
ALTER TABLE person ADD COLUMN placed {INT} NOT NULL DEFAULT 0;
