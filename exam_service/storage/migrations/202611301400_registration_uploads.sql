-- A worker takes a picture, decodes it, and only then says what it found. One that kills or hangs its worker is
-- taken again after a minute, three times at most.
ALTER TABLE registration_upload ADD COLUMN tries integer NOT NULL DEFAULT 0;
ALTER TABLE registration_upload ADD COLUMN taken_at timestamptz;
-- When a face was looked for, which only consent allows. A photo without it is a document; it is looked at once
-- its physician consents.
ALTER TABLE registration_upload ADD COLUMN face_checked_at timestamptz;
CREATE INDEX registration_upload_document ON registration_upload (id)
    WHERE kind = 'photo' AND state = 'accepted' AND face_checked_at IS NULL AND removed_at IS NULL;
