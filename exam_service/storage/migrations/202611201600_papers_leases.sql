-- Which device had which lease: answers of an epoch come from there, or from who has the paper now.
CREATE TABLE lease (
    attempt_id  uuid NOT NULL REFERENCES attempt,
    epoch       integer NOT NULL,
    device_hash bytea NOT NULL,
    taken_at    timestamptz NOT NULL,
    PRIMARY KEY (attempt_id, epoch)
);

DROP TRIGGER answer_event_is_append_only ON answer_event;
CREATE TRIGGER answer_event_is_append_only BEFORE UPDATE OR DELETE ON answer_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
