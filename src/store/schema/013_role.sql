-- Roles are rows, and accounts begin with a link that works once (web/people.h).

-- rights: names with spaces between (web/right.h). agency: 1 = only for who belongs to an organisation; without one it opens
-- nothing. second_factor: 1 = a second proof is asked at every sign-in. builtin: came with the program; its rights stay.
CREATE TABLE role (
	id TEXT PRIMARY KEY,
	title_vi TEXT NOT NULL,
	title_en TEXT NOT NULL,
	rights TEXT NOT NULL,
	agency {INT} NOT NULL DEFAULT 0,
	second_factor {INT} NOT NULL DEFAULT 0,
	builtin {INT} NOT NULL DEFAULT 0,
	version {INT} NOT NULL DEFAULT 1
) {STRICT};
INSERT INTO role (id, title_vi, title_en, rights, agency, builtin) VALUES
	('operator', 'Quản trị vận hành', 'Operator',
		'signed_in alert_read alert_change alert_acknowledge event_read source_read register_read rule_read status_read rule_change file_read file_change indicator_read indicator_change register_change personal_read operate record_read people_read people_change', 0, 1),
	('coordinator', 'Điều phối ứng cứu', 'Coordinator',
		'signed_in alert_read alert_change alert_acknowledge event_read source_read register_read rule_read status_read rule_change file_read file_change indicator_read indicator_change register_change personal_read', 0, 1),
	('analyst', 'Chuyên viên giám sát', 'Analyst',
		'signed_in alert_read alert_change alert_acknowledge event_read source_read register_read rule_read status_read rule_change file_read file_change indicator_read indicator_change register_change personal_read', 0, 1),
	('auditor', 'Kiểm tra, kiểm toán', 'Auditor',
		'signed_in alert_read event_read source_read register_read rule_read status_read record_read file_read indicator_read people_read', 0, 1),
	('leader', 'Lãnh đạo', 'Leader',
		'signed_in alert_read source_read register_read rule_read status_read', 0, 1),
	('plan_officer', 'Cán bộ kế hoạch', 'Plan officer',
		'signed_in register_read status_read', 0, 1),
	('assessor', 'Cán bộ thẩm định', 'Assessor',
		'signed_in register_read', 0, 1),
	('agency_officer', 'Cán bộ đầu mối của đơn vị', 'Agency officer',
		'signed_in alert_read alert_acknowledge source_read register_read personal_read', 1, 1);

-- link: SHA-256 of the one that sets the first password, or another one; empty = there is none
ALTER TABLE person ADD COLUMN version {INT} NOT NULL DEFAULT 1;
ALTER TABLE person ADD COLUMN link TEXT NOT NULL DEFAULT '';
ALTER TABLE person ADD COLUMN link_until_ms {INT} NOT NULL DEFAULT 0;
CREATE INDEX person_organisation ON person (organisation);
