-- One sitting of a paper. States and moves: exam_service/papers/model.py.
CREATE TABLE attempt (
    id                 uuid PRIMARY KEY,
    province_id        text NOT NULL REFERENCES province,
    registration_id    uuid NOT NULL REFERENCES registration,
    cycle_id           uuid NOT NULL REFERENCES cycle,
    account_id         uuid NOT NULL REFERENCES account,
    institution_id     uuid NOT NULL REFERENCES institution,
    body_id            uuid NOT NULL REFERENCES body,
    subject            text NOT NULL CHECK (subject IN ('humanities', 'professional')),
    ordinal            integer NOT NULL CHECK (ordinal >= 1),
    state              text NOT NULL,
    rule               jsonb NOT NULL,          -- the policy's rule for this paper, as it was at the start
    notice_version     text NOT NULL,
    notice_accepted_at timestamptz NOT NULL,
    admitted_at        timestamptz,
    deadline           timestamptz,
    handed_in_at       timestamptz,
    closed_at          timestamptz,
    lease_epoch        integer NOT NULL DEFAULT 0,
    total              integer NOT NULL,
    correct            integer,
    mark               numeric(5, 2),
    passed             boolean,
    UNIQUE (registration_id, subject, ordinal)
);
-- Two starts at once make one attempt.
CREATE UNIQUE INDEX attempt_open ON attempt (registration_id, subject)
    WHERE state IN ('prepared', 'admitted', 'running', 'closing', 'closed');
CREATE INDEX attempt_due ON attempt (deadline) WHERE state IN ('admitted', 'running', 'closing');
CREATE INDEX attempt_unmarked ON attempt (id) WHERE state = 'closed';
CREATE INDEX attempt_body ON attempt (province_id, body_id, id);
CREATE INDEX attempt_account ON attempt (account_id);

CREATE TABLE attempt_move (
    id          uuid PRIMARY KEY,
    attempt_id  uuid NOT NULL REFERENCES attempt,
    province_id text NOT NULL REFERENCES province,
    from_state  text NOT NULL,
    to_state    text NOT NULL,
    cause       text NOT NULL,
    actor_id    uuid,
    at          timestamptz NOT NULL
);
CREATE INDEX attempt_move_attempt ON attempt_move (attempt_id, id);

-- The paper itself, fixed when the attempt is made: order of the items, and of the options of each.
CREATE TABLE attempt_item (
    attempt_id uuid NOT NULL REFERENCES attempt,
    position   smallint NOT NULL,
    item_id    uuid NOT NULL REFERENCES item,
    option_ids uuid[] NOT NULL,
    PRIMARY KEY (attempt_id, position),
    UNIQUE (attempt_id, item_id)
);

-- Every answer event that was acknowledged, never changed. option_id null: the answer was taken back.
CREATE TABLE answer_event (
    attempt_id  uuid NOT NULL REFERENCES attempt,
    epoch       integer NOT NULL,
    seq         integer NOT NULL,
    item_id     uuid NOT NULL,
    option_id   uuid,
    client_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (attempt_id, epoch, seq)
);

-- What counts now; ordered by (epoch, seq).
CREATE TABLE answer (
    attempt_id uuid NOT NULL,
    item_id    uuid NOT NULL,
    option_id  uuid,
    epoch      integer NOT NULL,
    seq        integer NOT NULL,
    PRIMARY KEY (attempt_id, item_id),
    FOREIGN KEY (attempt_id, item_id) REFERENCES attempt_item (attempt_id, item_id)
);

CREATE TABLE presence (
    attempt_id uuid PRIMARY KEY REFERENCES attempt,
    seen_at    timestamptz NOT NULL,
    epoch      integer NOT NULL
);
