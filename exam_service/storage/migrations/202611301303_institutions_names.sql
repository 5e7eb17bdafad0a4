-- Names are looked up by their beginning: statistics of the collation that the look-up uses show how few that are.
DROP INDEX roster_institution_name;
ALTER TABLE roster_entry ALTER COLUMN name TYPE text COLLATE "C";
CREATE INDEX roster_institution_name ON roster_entry (institution_id, name);
