-- What for somebody reads how to reach people (web/personal.h). ask: 1 = words of one's own are asked too.
CREATE TABLE purpose (
	id TEXT PRIMARY KEY,
	title_vi TEXT NOT NULL,
	title_en TEXT NOT NULL,
	ask {INT} NOT NULL DEFAULT 0,
	place {INT} NOT NULL
) {STRICT};
INSERT INTO purpose (id, title_vi, title_en, ask, place) VALUES
	('alert', 'Xử lý cảnh báo', 'Handling an alert', 0, 1),
	('incident', 'Ứng cứu sự cố', 'Responding to an incident', 1, 2),
	('register', 'Rà soát sổ đầu mối liên hệ', 'Keeping the list of contacts right', 0, 3),
	('exercise', 'Chuẩn bị diễn tập', 'Preparing an exercise', 1, 4),
	('other', 'Việc khác', 'Something else', 1, 5);

-- Once said it holds for a session for a while.
ALTER TABLE session ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN purpose_until_ms {INT} NOT NULL DEFAULT 0;
