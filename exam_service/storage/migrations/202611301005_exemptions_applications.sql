-- 免考申请: decided level by level; what the last level grants becomes a row of exemption. Its evidence are
-- rows of registration_upload with the slot "exemption.<id>".
CREATE TABLE exemption_application (
    id              uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration,
    province_id     text NOT NULL REFERENCES province,
    institution_id  uuid NOT NULL REFERENCES institution,
    body_id         uuid NOT NULL REFERENCES body,
    subject         text NOT NULL CHECK (subject IN ('humanities', 'professional')),
    conditions      text[] NOT NULL CHECK (cardinality(conditions) > 0),
    statement       text NOT NULL DEFAULT '',
    applied_at      timestamptz NOT NULL,
    state           text NOT NULL CHECK (state IN ('institution', 'body', 'granted', 'refused', 'withdrawn'))
);
CREATE UNIQUE INDEX exemption_application_open ON exemption_application (registration_id, subject)
    WHERE state IN ('institution', 'body', 'granted');
CREATE INDEX exemption_application_institution ON exemption_application (institution_id, state, id);
CREATE INDEX exemption_application_body ON exemption_application (body_id, state, id);
CREATE INDEX exemption_application_registration ON exemption_application (registration_id, id);

CREATE TABLE exemption_decision (
    id             uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES exemption_application,
    province_id    text NOT NULL REFERENCES province,
    level          text NOT NULL CHECK (level IN ('institution', 'body')),
    granted        boolean NOT NULL,
    reason         text NOT NULL DEFAULT '',
    decided_by     uuid NOT NULL REFERENCES account,
    decided_at     timestamptz NOT NULL
);
CREATE INDEX exemption_decision_application ON exemption_decision (application_id, id);
