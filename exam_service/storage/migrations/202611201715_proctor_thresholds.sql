-- Where a face becomes 本人 or 疑似他人: of a province and a model, whose distances alone they are good for.
-- The newest row counts; what held before stays, because decisions were made by it.
CREATE TABLE proctor_thresholds (
    id                 uuid PRIMARY KEY,
    province_id        text NOT NULL REFERENCES province,
    model              text NOT NULL CHECK (model <> ''),
    match_threshold    double precision NOT NULL CHECK (match_threshold > 0),
    mismatch_threshold double precision NOT NULL CHECK (mismatch_threshold < 'Infinity'),
    set_at             timestamptz NOT NULL,
    set_by             text NOT NULL CHECK (set_by <> ''),
    note               text NOT NULL CHECK (note <> ''),
    CHECK (match_threshold <= mismatch_threshold)
);
CREATE INDEX proctor_thresholds_newest ON proctor_thresholds (province_id, model, set_at, id);
CREATE TRIGGER proctor_thresholds_is_append_only BEFORE UPDATE OR DELETE ON proctor_thresholds
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
