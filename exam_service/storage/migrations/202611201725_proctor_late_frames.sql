-- What a browser kept while its connection was cut comes late: how old it is, as the browser says.
ALTER TABLE proctor_check ADD COLUMN age_ms integer NOT NULL DEFAULT 0 CHECK (age_ms >= 0);
