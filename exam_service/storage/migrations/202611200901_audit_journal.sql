-- Written unchained inside the transaction of the deed; the sealer numbers and chains afterwards.
CREATE TABLE audit_entry (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL,
    at          timestamptz NOT NULL,
    actor_id    uuid,
    action      text NOT NULL,
    subject_id  uuid,
    facts       jsonb NOT NULL,
    minute      timestamptz,                              -- set on viewings only: one row a minute
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sealed      boolean NOT NULL DEFAULT FALSE
);
CREATE INDEX audit_entry_unsealed ON audit_entry (id) WHERE NOT sealed;
CREATE INDEX audit_entry_subject ON audit_entry (province_id, subject_id, id);
CREATE UNIQUE INDEX audit_entry_view ON audit_entry (actor_id, subject_id, action, minute)
    WHERE minute IS NOT NULL;

CREATE TABLE audit_seal (
    number   bigint PRIMARY KEY,
    entry_id uuid NOT NULL UNIQUE,
    digest   bytea NOT NULL
);

-- Where the chain ends, so that a cut at its end shows.
CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    number   bigint NOT NULL,
    digest   bytea NOT NULL
);
