-- The interruption ledger. One row, moved on every second by any web process that can store an answer; a jump
-- of it is an outage of the service.
CREATE TABLE service_pulse (
    only_row boolean PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    at       timestamptz NOT NULL
);

CREATE TABLE outage (
    id       uuid PRIMARY KEY,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    CHECK (began_at < ended_at)
);
CREATE INDEX outage_ended ON outage (ended_at);

-- A page that was silent for longer than its heartbeat allows.
CREATE TABLE presence_gap (
    attempt_id uuid NOT NULL REFERENCES attempt,
    began_at   timestamptz NOT NULL,
    ended_at   timestamptz NOT NULL,
    PRIMARY KEY (attempt_id, began_at)
);

-- A physician asks for time that was lost on their side; staff decide.
CREATE TABLE time_request (
    id           uuid PRIMARY KEY,
    province_id  text NOT NULL REFERENCES province,
    attempt_id   uuid NOT NULL REFERENCES attempt,
    began_at     timestamptz NOT NULL,
    ended_at     timestamptz NOT NULL,
    reason       text NOT NULL,
    requested_at timestamptz NOT NULL,
    state        text NOT NULL CHECK (state IN ('open', 'granted', 'refused')),
    decided_by   uuid REFERENCES account,
    decided_at   timestamptz,
    note         text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX time_request_open ON time_request (attempt_id) WHERE state = 'open';
CREATE INDEX time_request_attempt ON time_request (attempt_id, id);

-- Every second that was added to a deadline, and why.
CREATE TABLE time_credit (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    attempt_id  uuid NOT NULL REFERENCES attempt,
    kind        text NOT NULL CHECK (kind IN ('outage', 'request', 'extension')),
    seconds     integer NOT NULL CHECK (seconds > 0),
    outage_id   uuid REFERENCES outage,
    request_id  uuid UNIQUE REFERENCES time_request,
    reason      text NOT NULL,
    granted_by  uuid REFERENCES account,
    granted_at  timestamptz NOT NULL,
    UNIQUE (attempt_id, outage_id)
);

-- More minutes for somebody with special needs, in place of what the policy says.
CREATE TABLE time_override (
    registration_id uuid NOT NULL REFERENCES registration,
    subject         text NOT NULL,
    province_id     text NOT NULL REFERENCES province,
    extra_minutes   integer NOT NULL CHECK (extra_minutes > 0),
    reason          text NOT NULL,
    granted_by      uuid NOT NULL REFERENCES account,
    granted_at      timestamptz NOT NULL,
    PRIMARY KEY (registration_id, subject)
);
