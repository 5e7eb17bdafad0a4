-- What a person found a finding to be: 属实 or 不属实. The newest of (attempt, kind, began_at) counts, and none
-- is ever changed: who judged what, and when, stays.
CREATE TABLE finding_review (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    attempt_id  uuid NOT NULL REFERENCES attempt,
    kind        text NOT NULL,
    began_at    timestamptz NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('upheld', 'dismissed')),
    note        text NOT NULL,
    reviewed_by uuid NOT NULL REFERENCES account,
    reviewed_at timestamptz NOT NULL
);
CREATE INDEX finding_review_attempt ON finding_review (attempt_id, id);
CREATE TRIGGER finding_review_is_append_only BEFORE UPDATE OR DELETE ON finding_review
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
