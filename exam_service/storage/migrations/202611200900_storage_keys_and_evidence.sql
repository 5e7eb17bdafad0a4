-- Data keys, wrapped by the master key. Destroying a row is the purge of everything it sealed.
CREATE TABLE data_key (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL,
    account_id  uuid NOT NULL,
    cycle_id    uuid,
    data_class  text NOT NULL,
    wrapped     bytea NOT NULL,
    UNIQUE NULLS NOT DISTINCT (account_id, cycle_id, data_class)
);

-- One sealed file each; path is relative to the evidence directory.
CREATE TABLE evidence (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL,
    account_id  uuid NOT NULL,
    data_class  text NOT NULL,
    path        text NOT NULL UNIQUE,
    bytes       integer NOT NULL CHECK (bytes > 0),
    sha256      bytea NOT NULL,
    created_at  timestamptz NOT NULL
);
