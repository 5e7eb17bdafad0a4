-- What lists filter by, taken from the form when it is submitted.
ALTER TABLE registration ADD COLUMN department_id uuid REFERENCES department;
ALTER TABLE registration ADD COLUMN submitted_at timestamptz;
ALTER TABLE registration ADD COLUMN has_bad_records boolean NOT NULL DEFAULT false;
-- The one conclusion of a cycle, set with the move to "concluded".
ALTER TABLE registration ADD COLUMN result text CHECK (result IN ('passed', 'failed'));
ALTER TABLE registration ADD COLUMN concluded_at timestamptz;
CREATE INDEX registration_institution_queue ON registration (institution_id, state, submitted_at, id);
CREATE INDEX registration_body_queue ON registration (body_id, state, submitted_at, id);
CREATE INDEX registration_cycle ON registration (cycle_id, state, id);

-- The form: one sealed JSON document (class "registration_form", row id registration_id). revision rises with
-- every save, so that an older page doesn't overwrite a newer one unnoticed.
CREATE TABLE registration_form (
    registration_id uuid PRIMARY KEY REFERENCES registration,
    province_id     text NOT NULL REFERENCES province,
    revision        integer NOT NULL CHECK (revision > 0),
    content         bytea NOT NULL,
    saved_at        timestamptz NOT NULL
);
-- What was submitted, each time: reviewers see that; changed by a granted modification into a new row.
CREATE TABLE registration_submission (
    id              uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration,
    province_id     text NOT NULL REFERENCES province,
    content         bytea NOT NULL,
    submitted_by    uuid NOT NULL REFERENCES account,
    submitted_at    timestamptz NOT NULL
);
CREATE INDEX registration_submission_registration ON registration_submission (registration_id, id DESC);

-- Pictures of the form. A browser's bytes are never shown: a worker decodes them, encodes them anew as
-- evidence_id (class "registration_upload" or "registration_photo"), and only then is the state "accepted".
-- slot: the place in the form, such as "photo", "licence", "procedure", "good.award.1".
CREATE TABLE registration_upload (
    id              uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration,
    province_id     text NOT NULL REFERENCES province,
    account_id      uuid NOT NULL REFERENCES account,
    kind            text NOT NULL CHECK (kind IN ('photo', 'licence', 'evidence')),
    slot            text NOT NULL,
    state           text NOT NULL CHECK (state IN ('pending', 'accepted', 'refused')),
    -- Of the picture as it was sent, to be cut out, in thousandths of its sides: left, top, right, bottom.
    crop            integer[],
    raw_id          uuid REFERENCES evidence,
    evidence_id     uuid REFERENCES evidence,
    width           integer,
    height          integer,
    problem         text,
    advice          text,
    as_face         boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    checked_at      timestamptz,
    removed_at      timestamptz
);
CREATE INDEX registration_upload_registration ON registration_upload (registration_id, id) WHERE removed_at IS NULL;
CREATE INDEX registration_upload_pending ON registration_upload (id) WHERE state = 'pending' AND removed_at IS NULL;

-- What institution and body decided on a submission, in order; rows are never changed.
-- ratings: {"quantity": true, "quality": true, "task": true, "performance": true, "ethics_grade": "good",
-- "ethics": true, "misconduct": []}; marked: names of fields that the physician has to correct.
CREATE TABLE registration_review (
    id              uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration,
    province_id     text NOT NULL REFERENCES province,
    level           text NOT NULL CHECK (level IN ('institution', 'body')),
    decision        text NOT NULL CHECK (decision IN ('approved', 'returned', 'returned_to_institution', 'undone')),
    checklist       text[] NOT NULL DEFAULT '{}',
    ratings         jsonb,
    upheld          boolean,
    reason          text NOT NULL DEFAULT '',
    marked          text[] NOT NULL DEFAULT '{}',
    reviewer_id     uuid NOT NULL REFERENCES account,
    decided_at      timestamptz NOT NULL
);
CREATE INDEX registration_review_registration ON registration_review (registration_id, id DESC);

-- 申请修改 after registration: old and new values stay on record (class "registration_form", row id).
CREATE TABLE modification_request (
    id              uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration,
    province_id     text NOT NULL REFERENCES province,
    institution_id  uuid NOT NULL REFERENCES institution,
    changes         bytea NOT NULL,
    fields          text[] NOT NULL,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    asked_at        timestamptz NOT NULL,
    state           text NOT NULL CHECK (state IN ('open', 'granted', 'refused', 'withdrawn')),
    decided_by      uuid REFERENCES account,
    decided_at      timestamptz,
    decision        text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX modification_request_open ON modification_request (registration_id) WHERE state = 'open';
CREATE INDEX modification_request_institution ON modification_request (institution_id, state, id);
CREATE INDEX modification_request_registration ON modification_request (registration_id, id);
