-- A third purpose of frames: the face check of a device that wants to take a paper over.
ALTER TABLE proctor_stream
    ADD COLUMN device_hash bytea,
    DROP CONSTRAINT proctor_stream_purpose_check,
    ADD CONSTRAINT proctor_stream_purpose_check CHECK (purpose IN ('check', 'paper', 'takeover'));
ALTER TABLE proctor_check
    DROP CONSTRAINT proctor_check_purpose_check,
    ADD CONSTRAINT proctor_check_purpose_check CHECK (purpose IN ('check', 'paper', 'takeover'));
