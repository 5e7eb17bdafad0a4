-- Why a picture was kept, which key opens it, and the proof that it is gone.
ALTER TABLE proctor_check
    ADD COLUMN kept_for text CHECK (kept_for IN ('sample', 'doubt', 'around', 'check', 'over_limit'));
UPDATE proctor_check SET kept_for = CASE WHEN purpose <> 'paper' THEN 'check' WHEN verdict = 'match' THEN 'sample'
                                         ELSE 'doubt' END
WHERE evidence_id IS NOT NULL;
CREATE INDEX proctor_check_evidence ON proctor_check (evidence_id) WHERE evidence_id IS NOT NULL;

ALTER TABLE evidence ADD COLUMN key_id uuid;
UPDATE evidence e SET key_id = k.id
FROM proctor_check c
JOIN registration r ON r.id = c.registration_id
JOIN data_key k ON k.account_id = r.account_id AND k.cycle_id = r.cycle_id AND k.data_class = 'frame'
WHERE c.evidence_id = e.id;
UPDATE evidence e SET key_id = k.id
FROM registration r
JOIN data_key k ON k.account_id = r.account_id AND k.cycle_id = r.cycle_id AND k.data_class = 'registration_photo'
WHERE r.photo_id = e.id;
CREATE INDEX evidence_key ON evidence (key_id);

CREATE TABLE purge (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    account_id  uuid NOT NULL REFERENCES account,
    cycle_id    uuid NOT NULL REFERENCES cycle,
    data_class  text NOT NULL,
    key_id      uuid,
    items       integer NOT NULL,
    bytes       bigint NOT NULL,
    digest      bytea NOT NULL,
    why         text NOT NULL CHECK (why IN ('retention', 'request', 'withdrawal')),
    at          timestamptz NOT NULL
);
CREATE INDEX purge_account ON purge (account_id, id);
CREATE INDEX purge_cycle ON purge (cycle_id, id);
CREATE TRIGGER purge_is_append_only BEFORE DELETE OR UPDATE ON purge FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE deletion_request (
    id             uuid PRIMARY KEY,
    province_id    text NOT NULL REFERENCES province,
    account_id     uuid NOT NULL REFERENCES account,
    why            text NOT NULL CHECK (why IN ('request', 'withdrawal')),
    asked_at       timestamptz NOT NULL,
    carried_out_at timestamptz,
    withdrawn_at   timestamptz
);
CREATE UNIQUE INDEX deletion_request_open ON deletion_request (account_id)
    WHERE carried_out_at IS NULL AND withdrawn_at IS NULL;
