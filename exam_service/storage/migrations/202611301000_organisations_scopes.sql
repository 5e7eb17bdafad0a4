-- What its provinces' people read of an organisation, and what a province decides about the way in (cycles copy
-- their policy's table [entry] here).
ALTER TABLE province ADD COLUMN authority text NOT NULL DEFAULT '卫生健康委员会';
ALTER TABLE province ADD COLUMN entry jsonb NOT NULL DEFAULT '{}';

ALTER TABLE institution ADD COLUMN phone text NOT NULL DEFAULT '';
ALTER TABLE institution ADD COLUMN address text NOT NULL DEFAULT '';
ALTER TABLE body ADD COLUMN phone text NOT NULL DEFAULT '';

-- 考点: places of a body for sittings that people watch.
CREATE TABLE exam_site (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    body_id     uuid NOT NULL REFERENCES body,
    name        text NOT NULL,
    address     text NOT NULL,
    seats       integer NOT NULL CHECK (seats > 0),
    note        text NOT NULL DEFAULT '',
    stopped_at  timestamptz,
    created_at  timestamptz NOT NULL,
    UNIQUE (body_id, name)
);
