-- The authority's dates for make-up, and the rounds that bodies open within them.
ALTER TABLE cycle
    ADD COLUMN makeup_from  date,
    ADD COLUMN makeup_until date,
    ADD CHECK ((makeup_from IS NULL) = (makeup_until IS NULL) AND makeup_from <= makeup_until);

CREATE TABLE makeup_round (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    cycle_id    uuid NOT NULL REFERENCES cycle,
    body_id     uuid NOT NULL REFERENCES body,
    opens       date NOT NULL,
    closes      date NOT NULL,
    opened_by   uuid NOT NULL REFERENCES account,
    opened_at   timestamptz NOT NULL,
    CHECK (opens <= closes)
);
CREATE INDEX makeup_round_body ON makeup_round (cycle_id, body_id, opens);

ALTER TABLE attempt ADD COLUMN round_id uuid REFERENCES makeup_round;
