-- An organisation is found by its name, and lists go by it. Names are compared as their characters' codes, so that
-- a page begins where the last ended whatever the server's language is.
CREATE UNIQUE INDEX institution_name ON institution (province_id, (name COLLATE "C"));
CREATE UNIQUE INDEX body_name ON body (province_id, (name COLLATE "C"));
CREATE INDEX account_body ON account (body_id) WHERE body_id IS NOT NULL;
CREATE INDEX account_physician_name ON account (province_id, (name COLLATE "C"), id) WHERE role = 'physician';

-- A site that a sitting was arranged in is stopped, never deleted.
ALTER TABLE exam_site ADD COLUMN used_at timestamptz;

-- What the authority did to a physician's registration, and why; rows are never changed.
CREATE TABLE registration_supervision (
    id                  uuid PRIMARY KEY,
    registration_id     uuid NOT NULL REFERENCES registration,
    province_id         text NOT NULL REFERENCES province,
    act                 text NOT NULL CHECK (act IN ('moved', 'withdrawn')),
    from_institution_id uuid NOT NULL REFERENCES institution,
    to_institution_id   uuid REFERENCES institution,
    reason              text NOT NULL,
    decided_by          uuid NOT NULL REFERENCES account,
    decided_at          timestamptz NOT NULL,
    CHECK ((act = 'moved') = (to_institution_id IS NOT NULL))
);
CREATE INDEX registration_supervision_registration ON registration_supervision (registration_id, id);
