CREATE TABLE account (
    id             uuid PRIMARY KEY,
    province_id    text NOT NULL REFERENCES province,
    role           text NOT NULL CHECK (role IN ('physician', 'institution', 'body', 'authority', 'operator')),
    name           text NOT NULL,
    body_id        uuid REFERENCES body,
    institution_id uuid REFERENCES institution,
    -- Physicians log in by identity number: looked up by keyed hash of the 18-digit form, stored sealed as the
    -- roster writes it.
    document_hash  bytea,
    document       bytea,
    -- Staff log in by user name.
    username       text UNIQUE,
    password_hash  text,
    disabled_at    timestamptz,
    created_at     timestamptz NOT NULL,
    UNIQUE (province_id, document_hash),
    CHECK ((role = 'physician') = (document_hash IS NOT NULL)),
    CHECK ((role = 'physician') = (username IS NULL)),
    CHECK (role <> 'body' OR body_id IS NOT NULL),
    CHECK (role <> 'institution' OR institution_id IS NOT NULL)
);

-- The cookie's token is stored hashed; login makes a new one, logout deletes it.
CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL
);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_ends ON session (ends_at);

CREATE TABLE consent (
    id           uuid PRIMARY KEY,
    province_id  text NOT NULL REFERENCES province,
    account_id   uuid NOT NULL REFERENCES account,
    purpose      text NOT NULL,
    version      text NOT NULL,
    given_at     timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX consent_in_force ON consent (account_id, purpose) WHERE withdrawn_at IS NULL;
