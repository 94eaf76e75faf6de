-- What a rule costs is kept as a sum over its samples: samples that come later are added without rounding.
ALTER TABLE rule_cost RENAME COLUMN ns TO sum_ns;
