-- So many days after an account was made its role's second_factor is asked; until then its owner is told. Who runs the box
-- is asked from now on.
ALTER TABLE role ADD COLUMN second_factor_days {INT} NOT NULL DEFAULT 0;
UPDATE role SET second_factor = 1, second_factor_days = 14, version = version + 1 WHERE id = 'operator';
