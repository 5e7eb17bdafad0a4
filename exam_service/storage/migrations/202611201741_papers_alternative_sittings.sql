-- 现场测评: a physician who shows no camera their face sits where staff see them.
CREATE TABLE alternative_sitting (
    id              uuid PRIMARY KEY,
    province_id     text NOT NULL REFERENCES province,
    registration_id uuid NOT NULL REFERENCES registration,
    body_id         uuid NOT NULL REFERENCES body,
    reason          text NOT NULL,
    state           text NOT NULL CHECK (state IN ('open', 'answered', 'arranged', 'checked_in', 'withdrawn')),
    asked_at        timestamptz NOT NULL,
    place           text,
    starts_at       timestamptz,
    note            text NOT NULL DEFAULT '',
    decided_by      uuid REFERENCES account,
    decided_at      timestamptz,
    CHECK (state NOT IN ('arranged', 'checked_in') OR (place IS NOT NULL AND starts_at IS NOT NULL))
);
CREATE UNIQUE INDEX alternative_sitting_current ON alternative_sitting (registration_id) WHERE state <> 'withdrawn';
CREATE INDEX alternative_sitting_body ON alternative_sitting (body_id, asked_at) WHERE state <> 'withdrawn';

ALTER TABLE attempt ADD COLUMN watched boolean NOT NULL DEFAULT false;
