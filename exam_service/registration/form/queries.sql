-- name: select_optional_form
SELECT revision, content, saved_at FROM registration_form WHERE registration_id = $1 AND province_id = $2

-- name: upsert_form
-- The next revision; the row of the registration is held.
INSERT INTO registration_form (registration_id, province_id, revision, content, saved_at)
VALUES ($1, $2, 1, $3, $4)
ON CONFLICT (registration_id) DO UPDATE
    SET revision = registration_form.revision + 1, content = EXCLUDED.content, saved_at = EXCLUDED.saved_at
RETURNING revision

-- name: insert_submission
INSERT INTO registration_submission (id, registration_id, province_id, content, submitted_by, submitted_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: select_optional_submission
-- The newest.
SELECT id, content, submitted_at FROM registration_submission
WHERE registration_id = $1 AND province_id = $2
ORDER BY id DESC
LIMIT 1

-- name: insert_upload
INSERT INTO registration_upload (id, registration_id, province_id, account_id, kind, slot, state, crop, raw_id,
                                 created_at)
VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9)

-- name: select_uploads
SELECT id, registration_id, province_id, account_id, kind, slot, state, crop, raw_id, evidence_id, width, height,
       problem, advice, as_face, created_at
FROM registration_upload
WHERE registration_id = $1 AND removed_at IS NULL AND starts_with(slot, $2)
ORDER BY id

-- name: select_optional_upload
-- Removed ones too: what was submitted stays on record.
SELECT id, registration_id, province_id, account_id, kind, slot, state, crop, raw_id, evidence_id, width, height,
       problem, advice, as_face, created_at
FROM registration_upload
WHERE id = $1 AND province_id = $2
