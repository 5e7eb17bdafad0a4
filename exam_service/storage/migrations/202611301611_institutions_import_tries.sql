-- How often a file was taken in hand: one that ends its worker each time is refused in the end.
ALTER TABLE roster_import ADD COLUMN tries smallint NOT NULL DEFAULT 0;
