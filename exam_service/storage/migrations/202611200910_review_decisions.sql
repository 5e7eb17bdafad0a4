-- The body's word on an attempt: one, and nobody changes it alone.
CREATE TABLE decision (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    attempt_id  uuid NOT NULL UNIQUE REFERENCES attempt,
    passed      boolean NOT NULL,
    note        text NOT NULL,
    decided_by  uuid NOT NULL REFERENCES account,
    decided_at  timestamptz NOT NULL
);
