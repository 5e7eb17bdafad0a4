-- A cycle keeps the policy it was opened with: a preset that changes later changes nothing here.
CREATE TABLE cycle (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    title       text NOT NULL,
    tests_from  date NOT NULL,
    tests_until date NOT NULL,
    policy      jsonb NOT NULL,
    opened_at   timestamptz NOT NULL,
    CHECK (tests_from <= tests_until)
);
CREATE INDEX cycle_province ON cycle (province_id);
