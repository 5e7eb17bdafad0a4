-- 设备自检 is a registration's and no attempt's; checks say more of the picture they judge.
ALTER TABLE proctor_stream
    ADD COLUMN registration_id uuid REFERENCES registration,
    ALTER COLUMN attempt_id DROP NOT NULL,
    DROP CONSTRAINT proctor_stream_purpose_check,
    ADD CONSTRAINT proctor_stream_purpose_check CHECK (purpose IN ('check', 'paper', 'takeover', 'rehearsal')),
    ADD CONSTRAINT proctor_stream_attempt_check CHECK ((attempt_id IS NULL) = (purpose = 'rehearsal'));
UPDATE proctor_stream s SET registration_id = a.registration_id FROM attempt a WHERE a.id = s.attempt_id;
ALTER TABLE proctor_stream ALTER COLUMN registration_id SET NOT NULL;
DROP INDEX proctor_stream_attempt;
CREATE INDEX proctor_stream_registration ON proctor_stream (registration_id, attempt_id, id);
CREATE INDEX proctor_stream_attempt ON proctor_stream (attempt_id, id) WHERE attempt_id IS NOT NULL;

ALTER TABLE proctor_check
    ADD COLUMN registration_id uuid REFERENCES registration,
    ADD COLUMN score real,
    ADD COLUMN yaw real,
    ADD COLUMN look bigint,
    ADD COLUMN frame_hash bytea,
    ALTER COLUMN attempt_id DROP NOT NULL,
    DROP CONSTRAINT proctor_check_purpose_check,
    ADD CONSTRAINT proctor_check_purpose_check CHECK (purpose IN ('check', 'paper', 'takeover', 'rehearsal')),
    ADD CONSTRAINT proctor_check_attempt_check CHECK ((attempt_id IS NULL) = (purpose = 'rehearsal'));
UPDATE proctor_check c SET registration_id = a.registration_id FROM attempt a WHERE a.id = c.attempt_id;
ALTER TABLE proctor_check ALTER COLUMN registration_id SET NOT NULL;
CREATE INDEX proctor_check_registration ON proctor_check (registration_id, received_at) WHERE attempt_id IS NULL;
-- The same bytes twice are a replay: of one physician, in whichever paper.
CREATE INDEX proctor_check_frame ON proctor_check (registration_id, frame_hash);
