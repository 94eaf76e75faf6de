-- Organisations in time: kinds as data, names, people to call, who took over from whom, and what is planned.
-- Days are "2026-07-01", both ends included; NULL where not known, or no end.

-- under: kinds that it may stand below, separated by blanks; '' = any. content/register/kinds.yaml writes these rows anew.
CREATE TABLE organisation_kind (
	id TEXT PRIMARY KEY,
	name_vi TEXT NOT NULL,
	name_en TEXT NOT NULL,
	under TEXT NOT NULL DEFAULT '',
	place {INT} NOT NULL DEFAULT 0
) {STRICT};
INSERT INTO organisation_kind (id, name_vi, name_en, under, place) VALUES
	('province', 'Cơ quan cấp tỉnh', 'Provincial authority', '', 1),
	('department', 'Sở, ban, ngành', 'Department', '', 2),
	('commune', 'Xã', 'Commune', '', 3),
	('ward', 'Phường', 'Ward', '', 4),
	('special_zone', 'Đặc khu', 'Special zone', '', 5),
	('enterprise', 'Đơn vị sự nghiệp, doanh nghiệp', 'Public service unit or enterprise', '', 6),
	('centre', 'Trung tâm', 'Centre', '', 7),
	('national_centre', 'Trung tâm quốc gia', 'National centre', '', 8),
	('assessor', 'Đơn vị đánh giá', 'Assessor', '', 9),
	('provider', 'Nhà cung cấp dịch vụ', 'Service provider', '', 10);

-- Every name it bore or will bear; an organisation that was never renamed has no row. organisation.name is today's.
CREATE TABLE organisation_name (
	id {ID},
	organisation TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	name_fold TEXT NOT NULL,
	from_day TEXT,
	until_day TEXT
) {STRICT};
CREATE INDEX organisation_name_of ON organisation_name (organisation, from_day);

CREATE TABLE organisation_successor (
	predecessor TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
	successor TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
	day TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('merged', 'split', 'renamed', 'transferred')),
	PRIMARY KEY (predecessor, successor, day)
) {STRICT};
CREATE INDEX organisation_successor_of ON organisation_successor (successor);

-- One act that hands over: planned until its day, then done. plan and moved are JSON (register/merger.h).
CREATE TABLE organisation_change (
	id {ID},
	kind TEXT NOT NULL CHECK (kind IN ('merged', 'split', 'renamed', 'transferred')),
	day TEXT NOT NULL,
	successor TEXT NOT NULL,
	plan TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'withdrawn', 'failed')),
	who TEXT NOT NULL,
	made_ms {INT} NOT NULL,
	done_ms {INT},
	moved TEXT NOT NULL DEFAULT ''
) {STRICT};
CREATE INDEX organisation_change_state ON organisation_change (state, day);

-- People of an agency to be called, the lowest rank first; confirmed_day: when somebody last said that it is still right.
CREATE TABLE contact (
	id {ID},
	organisation TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	name_fold TEXT NOT NULL,
	role TEXT NOT NULL DEFAULT '',
	phone TEXT NOT NULL DEFAULT '',
	email TEXT NOT NULL DEFAULT '',
	rank {INT} NOT NULL DEFAULT 1,
	from_day TEXT,
	until_day TEXT,
	confirmed_day TEXT NOT NULL,
	version {INT} NOT NULL DEFAULT 1,
	updated_ms {INT} NOT NULL
) {STRICT};
CREATE INDEX contact_organisation ON contact (organisation, rank, id);

-- Whose it was when it was opened: what was counted for a year stays so, whoever takes over.
ALTER TABLE alert ADD COLUMN opened_for TEXT REFERENCES organisation (id);
UPDATE alert SET opened_for = organisation;
CREATE INDEX alert_opened_for ON alert (opened_for, opened_ms);
