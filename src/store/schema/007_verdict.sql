-- A change of an alert's history that closed it tells what it turned out to be.
ALTER TABLE alert_history ADD COLUMN verdict TEXT NOT NULL DEFAULT '';
