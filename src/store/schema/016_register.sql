-- What was planned for a day is found on that day without asking every system; what ends soon comes in order.
CREATE INDEX system_level_day ON system_level (day);
CREATE INDEX system_party_from ON system_party (from_day);
DROP INDEX system_licence_until;
CREATE INDEX system_licence_until ON system_licence (until_day, id);
