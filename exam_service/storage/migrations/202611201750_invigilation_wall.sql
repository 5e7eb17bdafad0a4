-- Who looks after a sitting, from when on: the newest row counts, account_id null: nobody in particular.
CREATE TABLE watch_duty (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    attempt_id  uuid NOT NULL REFERENCES attempt,
    account_id  uuid REFERENCES account,
    assigned_by uuid NOT NULL REFERENCES account,
    assigned_at timestamptz NOT NULL,
    note        text NOT NULL
);
CREATE INDEX watch_duty_attempt ON watch_duty (attempt_id, id DESC);
CREATE TRIGGER watch_duty_is_append_only BEFORE UPDATE OR DELETE ON watch_duty
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What staff write down about a sitting for each other; physicians don't see it.
CREATE TABLE watch_note (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    attempt_id  uuid NOT NULL REFERENCES attempt,
    text        text NOT NULL,
    written_by  uuid NOT NULL REFERENCES account,
    written_at  timestamptz NOT NULL
);
CREATE INDEX watch_note_attempt ON watch_note (attempt_id, id);
CREATE TRIGGER watch_note_is_append_only BEFORE UPDATE OR DELETE ON watch_note
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A physician pressed 知道了 below a notice, on the page of this attempt.
CREATE TABLE notice_ack (
    notice_id       uuid NOT NULL REFERENCES notice,
    attempt_id      uuid NOT NULL REFERENCES attempt,
    acknowledged_at timestamptz NOT NULL,
    PRIMARY KEY (notice_id, attempt_id)
);
CREATE INDEX notice_attempt ON notice (attempt_id, sent_at) WHERE attempt_id IS NOT NULL;
-- What a body may have on its wall, however many attempts are over.
CREATE INDEX attempt_watched ON attempt (body_id) WHERE state IN ('prepared', 'admitted', 'running');
-- The course of an attempt shows which answers were imported, which the audit journal alone knows.
CREATE INDEX audit_entry_import ON audit_entry (subject_id) WHERE action = 'answers.imported';
