-- A paper that need not be sat: it counts as passed.
CREATE TABLE exemption (
    registration_id uuid NOT NULL REFERENCES registration,
    subject         text NOT NULL CHECK (subject IN ('humanities', 'professional')),
    province_id     text NOT NULL REFERENCES province,
    reason          text NOT NULL,
    granted_by      uuid REFERENCES account,
    granted_at      timestamptz NOT NULL,
    PRIMARY KEY (registration_id, subject)
);
