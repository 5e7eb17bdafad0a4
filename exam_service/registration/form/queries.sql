-- name: select_optional_form
SELECT revision, content, saved_at, page, page_seq, passed FROM registration_form
WHERE registration_id = $1 AND province_id = $2

-- name: upsert_form
-- The next revision; the row of the registration is held.
INSERT INTO registration_form (registration_id, province_id, revision, content, saved_at, page, page_seq)
VALUES ($1, $2, 1, $3, $4, $5, $6)
ON CONFLICT (registration_id) DO UPDATE
    SET revision = registration_form.revision + 1, content = EXCLUDED.content, saved_at = EXCLUDED.saved_at,
        page = EXCLUDED.page, page_seq = EXCLUDED.page_seq
RETURNING revision

-- name: update_page
UPDATE registration_form SET page = $3, page_seq = $4 WHERE registration_id = $1 AND province_id = $2

-- name: update_passed
UPDATE registration_form SET passed = array_append(passed, $3)
WHERE registration_id = $1 AND province_id = $2 AND NOT $3 = ANY(passed)

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

-- name: remove_upload
UPDATE registration_upload SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL RETURNING id

-- name: forget_files
-- The files of a removed picture, for whoever takes them away.
WITH gone AS (
    SELECT id, raw_id, evidence_id FROM registration_upload WHERE id = ANY($1::uuid[]) FOR UPDATE
), forgotten AS (
    UPDATE registration_upload u SET raw_id = NULL, evidence_id = NULL FROM gone WHERE u.id = gone.id
)
SELECT id FROM (SELECT raw_id AS id FROM gone UNION SELECT evidence_id FROM gone) files WHERE id IS NOT NULL

-- name: claim_optional_upload
-- The next that nobody has in hand; what a worker took and never answered comes again.
WITH next AS (
    SELECT id FROM registration_upload
    WHERE state = 'pending' AND removed_at IS NULL AND (taken_at IS NULL OR taken_at < $2)
    ORDER BY id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE registration_upload u SET tries = tries + 1, taken_at = $1
FROM next WHERE u.id = next.id
RETURNING u.id, u.registration_id, u.province_id, u.account_id, u.kind, u.slot, u.state, u.crop, u.raw_id,
          u.evidence_id, u.width, u.height, u.problem, u.advice, u.as_face, u.created_at, u.tries

-- name: claim_optional_document
-- A photo that was kept as a document, of somebody who consents by now.
WITH next AS (
    SELECT u.id FROM registration_upload u
    WHERE u.kind = 'photo' AND u.state = 'accepted' AND u.face_checked_at IS NULL AND u.removed_at IS NULL
        AND (u.taken_at IS NULL OR u.taken_at < $2) AND u.tries < $5
        AND EXISTS (SELECT FROM consent c WHERE c.account_id = u.account_id AND c.purpose = $3 AND c.version = $4
                    AND c.withdrawn_at IS NULL AND c.declined_at IS NULL)
    ORDER BY u.id
    LIMIT 1
    FOR UPDATE OF u SKIP LOCKED
)
UPDATE registration_upload u SET tries = tries + 1, taken_at = $1
FROM next WHERE u.id = next.id
RETURNING u.id, u.registration_id, u.province_id, u.account_id, u.kind, u.slot, u.state, u.crop, u.raw_id,
          u.evidence_id, u.width, u.height, u.problem, u.advice, u.as_face, u.created_at, u.tries

-- name: release_upload
-- Not the picture's fault: it is taken again at once, and the try doesn't count.
UPDATE registration_upload SET taken_at = NULL, tries = tries - 1 WHERE id = $1

-- name: update_upload_checked
-- Nothing when it was removed or answered meanwhile.
UPDATE registration_upload
SET state = $2, evidence_id = $3, width = $4, height = $5, problem = $6, advice = $7, as_face = $8,
    face_checked_at = $9, checked_at = $10, raw_id = NULL, tries = 0, taken_at = NULL
WHERE id = $1 AND removed_at IS NULL AND (state = 'pending' OR (kind = 'photo' AND face_checked_at IS NULL))
RETURNING id

-- name: select_optional_earlier_submission
-- What the cycle before approved: its newest submission, with the cycle's title.
SELECT s.id, s.content, c.title
FROM registration r
JOIN cycle c ON c.id = r.cycle_id
JOIN registration_submission s ON s.registration_id = r.id
WHERE r.account_id = $1 AND r.province_id = $2 AND r.cycle_id < $3
    AND r.state IN ('registered', 'testing', 'concluded')
ORDER BY r.cycle_id DESC, s.id DESC
LIMIT 1

-- name: select_optional_return
-- The newest word of a reviewer, where it was to return the form.
SELECT reason, marked, decided_at, decision FROM registration_review
WHERE registration_id = $1
ORDER BY id DESC
LIMIT 1

-- name: update_department
UPDATE registration SET department_id = $2 WHERE id = $1

-- name: update_submitted
UPDATE registration
SET department_id = $2, procedure = $3, category = $4, level = $5, has_bad_records = $6, submitted_at = $7
WHERE id = $1

-- name: select_optional_mobile
-- The number that is bound to the account, sealed with the account's id as its row.
SELECT mobile FROM account WHERE id = $1 AND province_id = $2 AND mobile_bound_at IS NOT NULL

-- name: select_optional_department_name
SELECT name FROM department WHERE id = $1 AND province_id = $2

-- name: select_document_type
SELECT document_type FROM account WHERE id = $1 AND province_id = $2
