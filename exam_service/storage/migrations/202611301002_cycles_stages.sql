-- Days of the stages before the tests, first and last: {"registration": ["2026-04-13", "2026-05-06"]}.
ALTER TABLE cycle ADD COLUMN stages jsonb NOT NULL DEFAULT '{}';

-- The bodies of a cycle, and which of them each institution belongs to in it.
CREATE TABLE cycle_body (
    cycle_id    uuid NOT NULL REFERENCES cycle,
    body_id     uuid NOT NULL REFERENCES body,
    province_id text NOT NULL REFERENCES province,
    PRIMARY KEY (cycle_id, body_id)
);
CREATE TABLE cycle_institution (
    cycle_id       uuid NOT NULL REFERENCES cycle,
    institution_id uuid NOT NULL REFERENCES institution,
    body_id        uuid NOT NULL REFERENCES body,
    province_id    text NOT NULL REFERENCES province,
    PRIMARY KEY (cycle_id, institution_id)
);
CREATE INDEX cycle_institution_body ON cycle_institution (body_id);
-- Cycles that were opened before take what their registrations say.
INSERT INTO cycle_body (cycle_id, body_id, province_id)
SELECT DISTINCT cycle_id, body_id, province_id FROM registration;
INSERT INTO cycle_institution (cycle_id, institution_id, body_id, province_id)
SELECT DISTINCT ON (cycle_id, institution_id) cycle_id, institution_id, body_id, province_id
FROM registration ORDER BY cycle_id, institution_id, id;

-- An institution, an academy or a professional society applies to be a body; the authority decides.
CREATE TABLE body_application (
    id             uuid PRIMARY KEY,
    province_id    text NOT NULL REFERENCES province,
    cycle_id       uuid NOT NULL REFERENCES cycle,
    institution_id uuid NOT NULL REFERENCES institution,
    kind           text NOT NULL CHECK (kind IN ('institution', 'academy', 'society')),
    grounds        text NOT NULL,
    applied_by     uuid NOT NULL REFERENCES account,
    applied_at     timestamptz NOT NULL,
    state          text NOT NULL CHECK (state IN ('open', 'granted', 'refused', 'withdrawn')),
    decided_by     uuid REFERENCES account,
    decided_at     timestamptz,
    decision       text,
    body_id        uuid REFERENCES body
);
CREATE UNIQUE INDEX body_application_open ON body_application (cycle_id, institution_id)
    WHERE state IN ('open', 'granted');
CREATE INDEX body_application_province ON body_application (province_id, cycle_id, id);
