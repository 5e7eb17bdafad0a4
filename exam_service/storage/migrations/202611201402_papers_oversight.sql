-- Ending a paper takes two people.
CREATE TABLE termination (
    id           uuid PRIMARY KEY,
    province_id  text NOT NULL REFERENCES province,
    attempt_id   uuid NOT NULL REFERENCES attempt,
    reason       text NOT NULL,
    requested_by uuid NOT NULL REFERENCES account,
    requested_at timestamptz NOT NULL,
    state        text NOT NULL CHECK (state IN ('open', 'carried_out', 'withdrawn')),
    decided_by   uuid REFERENCES account,
    decided_at   timestamptz
);
CREATE UNIQUE INDEX termination_open ON termination (attempt_id) WHERE state = 'open';
CREATE INDEX termination_attempt ON termination (attempt_id, id);

-- What the invigilator says to one paper, or (attempt_id null) to all of the body that are being sat.
CREATE TABLE notice (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    body_id     uuid NOT NULL REFERENCES body,
    attempt_id  uuid REFERENCES attempt,
    text        text NOT NULL,
    sent_by     uuid NOT NULL REFERENCES account,
    sent_at     timestamptz NOT NULL
);
CREATE INDEX notice_body ON notice (body_id, sent_at);
