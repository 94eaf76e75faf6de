-- What proves who somebody is, beside the password (web/factor.h), and keys with an end (web/session.h).

-- how it was opened: password, totp, passkey, recovery, setup
ALTER TABLE session ADD COLUMN factor TEXT NOT NULL DEFAULT 'password';

-- 1: the organisation's directory is asked for the password
ALTER TABLE person ADD COLUMN directory {INT} NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN password_ms {INT};

-- sealed with DIR/factor.key; last_step: no password of this step or an older one is accepted again
CREATE TABLE totp (
	person {INT} PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
	secret TEXT NOT NULL,
	confirmed {INT} NOT NULL DEFAULT 0,
	last_step {INT} NOT NULL DEFAULT -1,
	created_ms {INT} NOT NULL,
	used_ms {INT}
) {STRICT};

-- credential and public_key in base64url; rp: the name that the key is for
CREATE TABLE passkey (
	id {ID},
	person {INT} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	rp TEXT NOT NULL,
	credential TEXT NOT NULL UNIQUE,
	algorithm {INT} NOT NULL,
	public_key TEXT NOT NULL,
	counter {INT} NOT NULL,
	created_ms {INT} NOT NULL,
	used_ms {INT}
) {STRICT};
CREATE INDEX passkey_person ON passkey (person);

CREATE TABLE recovery_code (
	person {INT} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
	hash TEXT NOT NULL,
	created_ms {INT} NOT NULL,
	used_ms {INT},
	PRIMARY KEY (person, hash)
) {STRICT};

-- scopes: names of rights with spaces between, empty = all of the role; person: who made it, NULL = the console
ALTER TABLE api_key ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN person {INT} REFERENCES person (id) ON DELETE CASCADE;
ALTER TABLE api_key ADD COLUMN until_ms {INT};
ALTER TABLE api_key ADD COLUMN used_ms {INT};
ALTER TABLE api_key ADD COLUMN revoked_ms {INT};

-- sign-ins that failed, summed by ten minutes, login, address and what was wrong (web/failures.h)
CREATE TABLE sign_in_failure (
	slot {INT} NOT NULL,
	login TEXT NOT NULL,
	peer TEXT NOT NULL,
	what TEXT NOT NULL,
	count {INT} NOT NULL,
	first_ms {INT} NOT NULL,
	last_ms {INT} NOT NULL,
	PRIMARY KEY (slot, login, peer, what)
) {STRICT};
CREATE INDEX sign_in_failure_last ON sign_in_failure (last_ms);
