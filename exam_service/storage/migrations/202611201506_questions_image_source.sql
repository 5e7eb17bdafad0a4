-- What tells two pictures apart is the file they were made of: our own bytes change with the encoder's version.
-- item_image is as new as this migration, so it holds no row yet.
ALTER TABLE item_image
    ADD COLUMN source_digest bytea NOT NULL,   -- SHA-256 of the file that was imported
    ALTER COLUMN data SET STORAGE EXTERNAL;    -- compressed already; kept out of the row and read as it is
