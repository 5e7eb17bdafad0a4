-- name: insert_stream
INSERT INTO proctor_stream (id, province_id, registration_id, attempt_id, purpose, epoch, opened_at, device_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: update_stream_closed
UPDATE proctor_stream SET closed_at = $2, frames = $3, refused = $4 WHERE id = $1

-- name: exists_newer_stream
SELECT EXISTS (SELECT FROM proctor_stream
               WHERE registration_id = $1 AND attempt_id IS NOT DISTINCT FROM $2 AND purpose = $3 AND id > $4)

-- name: select_optional_device
SELECT device_hash FROM proctor_stream WHERE id = $1

-- name: select_streams
SELECT purpose, opened_at, closed_at, frames, refused FROM proctor_stream
WHERE attempt_id = $1 AND province_id = $2 ORDER BY id

-- name: select_optional_enrolment
SELECT id, embedding FROM enrolment WHERE registration_id = $1 AND model = $2

-- name: exists_reference
-- A face to compare with, or a reviewed photo to take one from.
SELECT EXISTS (SELECT FROM enrolment WHERE registration_id = $1)
    OR EXISTS (SELECT FROM registration WHERE id = $1 AND photo_reviewed_at IS NOT NULL)

-- name: insert_enrolment
INSERT INTO enrolment (id, province_id, registration_id, model, source, embedding, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (registration_id, model) DO UPDATE
SET id = excluded.id, source = excluded.source, embedding = excluded.embedding, created_at = excluded.created_at

-- name: select_frame_owner
SELECT account_id, id AS registration_id, cycle_id, photo_id, photo_reviewed_at
FROM registration
WHERE id = $1 AND province_id = $2

-- name: insert_check
-- A frame delivered twice gets one verdict.
INSERT INTO proctor_check (id, province_id, registration_id, attempt_id, stream_id, seq, purpose, received_at,
                           checked_at, verdict, faces, distance, model, match_threshold, mismatch_threshold,
                           enrolled, evidence_id, score, yaw, look, frame_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
ON CONFLICT (stream_id, seq) DO NOTHING
RETURNING id

-- name: exists_check
SELECT EXISTS (SELECT FROM proctor_check WHERE stream_id = $1 AND seq = $2)

-- name: select_optional_check
SELECT * FROM proctor_check WHERE id = $1 AND province_id = $2

-- name: select_checks
SELECT * FROM proctor_check WHERE attempt_id = $1 AND province_id = $2 ORDER BY received_at, seq

-- name: select_checks_of_attempts
SELECT * FROM proctor_check WHERE attempt_id = ANY($1::uuid[]) AND province_id = $2

-- name: select_new_checks
-- Verdicts on the frames of these attempts that were received after $2 and judged after $3 (each of its own).
SELECT c.*
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS w (attempt_id, received_after, checked_after)
JOIN proctor_check c ON c.attempt_id = w.attempt_id AND c.received_at > w.received_after
    AND c.checked_at > w.checked_after
WHERE c.province_id = $4

-- name: select_optional_newest_kept
-- The evidence of the newest frame of an attempt that was kept.
SELECT evidence_id FROM proctor_check
WHERE attempt_id = $1 AND province_id = $2 AND evidence_id IS NOT NULL
ORDER BY received_at DESC LIMIT 1

-- name: insert_identity_check
-- Two connections that open at once begin one.
INSERT INTO identity_check (id, province_id, registration_id, attempt_id, purpose, state, device_hash, device,
                            opened_at, challenge, asked_by, asked_reason)
VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
RETURNING id

-- name: lock_optional_newest_identity_check
SELECT * FROM identity_check
WHERE registration_id = $1 AND attempt_id IS NOT DISTINCT FROM $2 AND purpose = $3
ORDER BY id DESC LIMIT 1 FOR UPDATE

-- name: select_optional_newest_identity_check
SELECT * FROM identity_check
WHERE registration_id = $1 AND attempt_id IS NOT DISTINCT FROM $2 AND purpose = $3
ORDER BY id DESC LIMIT 1

-- name: select_optional_identity_check
SELECT * FROM identity_check WHERE id = $1 AND province_id = $2

-- name: lock_optional_identity_check
SELECT * FROM identity_check WHERE id = $1 AND province_id = $2 FOR UPDATE

-- name: exists_open_recheck
SELECT EXISTS (SELECT FROM identity_check
               WHERE attempt_id = $1 AND purpose = 'paper' AND state = 'open')

-- name: update_identity_check
UPDATE identity_check
SET state = $2, device_hash = $3, device = $4, tries = $5, challenge = $6, last_spent = $7, front_embedding = $8,
    front_model = $9, compared = $10, passed_at = $11, decided_by = $12, decided_at = $13, decision_reason = $14
WHERE id = $1

-- name: select_optional_passed_rehearsal
SELECT * FROM identity_check
WHERE registration_id = $1 AND attempt_id IS NULL AND state = 'passed'
ORDER BY passed_at DESC LIMIT 1

-- name: select_waiting_checks
SELECT c.id, c.attempt_id, c.purpose, p.name, i.name AS institution, c.opened_at, c.tries, c.last_spent,
       c.asked_reason
FROM identity_check c
JOIN attempt a ON a.id = c.attempt_id
JOIN account p ON p.id = a.account_id
JOIN institution i ON i.id = a.institution_id
WHERE c.province_id = $1 AND a.body_id = $2 AND c.state = 'waiting'
ORDER BY c.opened_at, c.id

-- name: update_overdue_rechecks
UPDATE identity_check c SET state = 'waiting'
FROM attempt a
WHERE a.id = c.attempt_id AND c.purpose = 'paper' AND c.state = 'open' AND c.opened_at < $1
RETURNING c.attempt_id, a.body_id

-- name: update_unneeded_identity_checks
-- The paper was begun without it, or is over.
UPDATE identity_check c SET state = 'expired'
FROM attempt a
WHERE a.id = c.attempt_id AND c.state IN ('open', 'waiting')
  AND a.state <> ALL (CASE c.purpose WHEN 'check' THEN ARRAY['prepared'] ELSE ARRAY['admitted', 'running'] END)

-- name: select_optional_kept_picture
-- The newest kept frame of an attempt that was sent for this purpose.
SELECT evidence_id FROM proctor_check
WHERE attempt_id = $1 AND province_id = $2 AND purpose = $3 AND evidence_id IS NOT NULL
ORDER BY received_at DESC, seq DESC LIMIT 1

-- name: insert_thresholds
INSERT INTO proctor_thresholds (id, province_id, model, match_threshold, mismatch_threshold, set_at, set_by, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: select_thresholds
-- The newest first: that one counts.
SELECT match_threshold, mismatch_threshold, set_at, set_by, note
FROM proctor_thresholds
WHERE province_id = $1 AND model = $2
ORDER BY set_at DESC, id DESC
LIMIT $3
