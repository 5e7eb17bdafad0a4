CREATE TABLE registration (
    id                uuid PRIMARY KEY,
    province_id       text NOT NULL REFERENCES province,
    cycle_id          uuid NOT NULL REFERENCES cycle,
    account_id        uuid NOT NULL REFERENCES account,
    institution_id    uuid NOT NULL REFERENCES institution,
    body_id           uuid NOT NULL REFERENCES body,
    state             text NOT NULL,
    procedure         text NOT NULL CHECK (procedure IN ('simple', 'general')),
    category          text NOT NULL CHECK (category IN ('clinical', 'dental', 'tcm', 'public_health')),
    level             text NOT NULL CHECK (level IN ('licensed', 'assistant')),
    photo_id          uuid REFERENCES evidence,
    photo_reviewed_at timestamptz,
    created_at        timestamptz NOT NULL,
    UNIQUE (cycle_id, account_id)
);
CREATE INDEX registration_account ON registration (account_id);
CREATE INDEX registration_body ON registration (province_id, body_id, state);
CREATE INDEX registration_institution ON registration (province_id, institution_id, state);

CREATE TABLE registration_move (
    id              uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration,
    province_id     text NOT NULL REFERENCES province,
    from_state      text NOT NULL,
    to_state        text NOT NULL,
    cause           text NOT NULL,
    actor_id        uuid,
    at              timestamptz NOT NULL
);
CREATE INDEX registration_move_registration ON registration_move (registration_id, id);
