-- The reference that frames are compared with; one per model, sealed.
CREATE TABLE enrolment (
    id              uuid PRIMARY KEY,
    province_id     text NOT NULL REFERENCES province,
    registration_id uuid NOT NULL REFERENCES registration,
    model           text NOT NULL,
    source          text NOT NULL CHECK (source IN ('registration_photo', 'first_check')),
    embedding       bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    UNIQUE (registration_id, model)
);

-- One WebSocket connection that sent frames: what lies between two of them is a gap.
CREATE TABLE proctor_stream (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    attempt_id  uuid NOT NULL REFERENCES attempt,
    purpose     text NOT NULL CHECK (purpose IN ('check', 'paper')),
    epoch       integer NOT NULL,
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    frames      integer NOT NULL DEFAULT 0,
    refused     integer NOT NULL DEFAULT 0
);
CREATE INDEX proctor_stream_attempt ON proctor_stream (attempt_id, id);

-- One verdict per frame, however often it was delivered.
CREATE TABLE proctor_check (
    id                 uuid PRIMARY KEY,
    province_id        text NOT NULL REFERENCES province,
    attempt_id         uuid NOT NULL REFERENCES attempt,
    stream_id          uuid NOT NULL REFERENCES proctor_stream,
    seq                integer NOT NULL,
    purpose            text NOT NULL CHECK (purpose IN ('check', 'paper')),
    received_at        timestamptz NOT NULL,
    checked_at         timestamptz NOT NULL,
    verdict            text NOT NULL,
    faces              integer NOT NULL,
    distance           real,
    model              text NOT NULL,
    match_threshold    real NOT NULL,
    mismatch_threshold real NOT NULL,
    enrolled           boolean NOT NULL,        -- this frame became the reference (demonstrations only)
    evidence_id        uuid REFERENCES evidence,
    UNIQUE (stream_id, seq)
);
CREATE INDEX proctor_check_attempt ON proctor_check (attempt_id, received_at);
