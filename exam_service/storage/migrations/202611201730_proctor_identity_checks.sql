-- Finding out who sits there: a few tries by frames, then a person of the body decides.
CREATE TABLE identity_check (
    id              uuid PRIMARY KEY,
    province_id     text NOT NULL REFERENCES province,
    registration_id uuid NOT NULL REFERENCES registration,
    attempt_id      uuid REFERENCES attempt,
    purpose         text NOT NULL CHECK (purpose IN ('check', 'paper', 'takeover', 'rehearsal')),
    state           text NOT NULL CHECK (state IN ('open', 'waiting', 'passed', 'accepted', 'refused', 'expired')),
    device_hash     bytea,
    device          text NOT NULL,
    opened_at       timestamptz NOT NULL,
    tries           smallint NOT NULL DEFAULT 0,
    challenge       jsonb NOT NULL,
    last_spent      text,
    front_embedding bytea,                      -- sealed; class embedding
    front_model     text,
    compared        boolean NOT NULL DEFAULT true,
    passed_at       timestamptz,
    asked_by        uuid REFERENCES account,
    asked_reason    text NOT NULL DEFAULT '',
    decided_by      uuid REFERENCES account,
    decided_at      timestamptz,
    decision_reason text NOT NULL DEFAULT '',
    CHECK ((attempt_id IS NULL) = (purpose = 'rehearsal')),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL))
);
-- One at a time, so that nobody gets more tries by a second connection.
CREATE UNIQUE INDEX identity_check_undecided ON identity_check (registration_id, attempt_id, purpose)
    NULLS NOT DISTINCT WHERE state IN ('open', 'waiting');
CREATE INDEX identity_check_subject ON identity_check (registration_id, attempt_id, purpose, id);
