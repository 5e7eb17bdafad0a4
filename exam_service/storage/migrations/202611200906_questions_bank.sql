CREATE TABLE bank (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    title       text NOT NULL,
    subject     text NOT NULL CHECK (subject IN ('humanities', 'professional')),
    category    text CHECK (category IN ('clinical', 'dental', 'tcm', 'public_health')),
    level       text CHECK (level IN ('licensed', 'assistant')),
    created_at  timestamptz NOT NULL,
    UNIQUE (province_id, title),
    CHECK ((subject = 'professional') = (category IS NOT NULL)),
    CHECK ((subject = 'professional') = (level IS NOT NULL))
);

CREATE TABLE item (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    bank_id     uuid NOT NULL REFERENCES bank,
    use         text NOT NULL CHECK (use IN ('practice', 'exam')),
    stem        text NOT NULL,
    explanation text NOT NULL,
    tags        text[] NOT NULL,
    key_id      uuid NOT NULL
);
CREATE INDEX item_bank ON item (bank_id, use);

CREATE TABLE item_option (
    id       uuid PRIMARY KEY,
    item_id  uuid NOT NULL REFERENCES item,
    ordinal  smallint NOT NULL CHECK (ordinal BETWEEN 1 AND 5),
    text     text NOT NULL,
    UNIQUE (item_id, ordinal),
    UNIQUE (item_id, id)
);

-- The key of an item is one of its own options.
ALTER TABLE item ADD CONSTRAINT item_key FOREIGN KEY (id, key_id) REFERENCES item_option (item_id, id)
    DEFERRABLE INITIALLY DEFERRED;
