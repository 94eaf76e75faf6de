-- The record (store/record.h): every change by a person, as the entry that the transparency log holds word for word.
-- seq counts from 1 without a gap; entry seq stands in the log at index seq - 1.

CREATE TABLE record (
	seq {INT} PRIMARY KEY,
	at_ms {INT} NOT NULL,
	who TEXT NOT NULL,
	action TEXT NOT NULL,
	noun TEXT NOT NULL,
	noun_id TEXT NOT NULL,
	entry TEXT NOT NULL
) {STRICT};
CREATE INDEX record_noun ON record (noun, noun_id, seq);
CREATE INDEX record_who ON record (who, seq);
