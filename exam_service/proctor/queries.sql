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
                           enrolled, evidence_id, score, yaw, look, frame_hash, kept_for)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
ON CONFLICT (stream_id, seq) DO NOTHING
RETURNING id

-- name: exists_check
SELECT EXISTS (SELECT FROM proctor_check WHERE stream_id = $1 AND seq = $2)

-- name: select_optional_check
SELECT * FROM proctor_check WHERE id = $1 AND province_id = $2

-- name: select_checks
SELECT * FROM proctor_check WHERE attempt_id = $1 AND province_id = $2 ORDER BY received_at, seq

-- name: count_verdicts
SELECT attempt_id, verdict, count(*) AS frames
FROM proctor_check
WHERE attempt_id = ANY($1::uuid[]) AND province_id = $2 AND purpose IN ('paper', 'takeover')
GROUP BY attempt_id, verdict

-- retention

-- name: select_previous
-- The newest verdicts on a paper before a frame, the newest first.
SELECT * FROM proctor_check
WHERE attempt_id = $1 AND purpose = 'paper' AND (received_at, seq) < ($2, $3)
ORDER BY received_at DESC, seq DESC
LIMIT $4

-- name: count_kept
SELECT count(*) FROM proctor_check WHERE attempt_id = $1 AND purpose = 'paper' AND evidence_id IS NOT NULL

-- name: update_kept
-- Unless it was kept before, or shows nothing.
UPDATE proctor_check SET evidence_id = id, kept_for = 'around'
WHERE id = $1 AND evidence_id IS NULL AND verdict <> 'unusable'
RETURNING id

-- name: select_keepable
-- Those of the frames that have a verdict and no picture yet.
SELECT id FROM proctor_check WHERE id = ANY($1::uuid[]) AND evidence_id IS NULL AND verdict <> 'unusable'

-- name: select_face_keys
SELECT id, data_class FROM data_key
WHERE account_id = $1 AND cycle_id = $2 AND data_class IN ('frame', 'embedding')

-- name: select_keyed_evidence
SELECT id FROM evidence WHERE key_id = $1

-- name: select_samples
SELECT evidence_id FROM proctor_check
WHERE registration_id = $1 AND kept_for = 'sample' AND evidence_id IS NOT NULL

-- name: count_held
-- Pictures at random, other pictures, embeddings.
SELECT (SELECT count(*) FROM proctor_check
        WHERE registration_id = $1 AND evidence_id IS NOT NULL AND kept_for = 'sample') AS sample,
       (SELECT count(*) FROM proctor_check
        WHERE registration_id = $1 AND evidence_id IS NOT NULL AND kept_for IS DISTINCT FROM 'sample') AS frame,
       (SELECT count(*) FROM enrolment WHERE registration_id = $1) AS embedding

-- name: select_registrations_holding
-- A page of a cycle's registrations of which something is kept that has this data key's class.
SELECT r.id FROM registration r
WHERE r.cycle_id = $1 AND r.id > $3
    AND EXISTS (SELECT FROM data_key k
                WHERE k.account_id = r.account_id AND k.cycle_id = r.cycle_id AND k.data_class = $2)
ORDER BY r.id
LIMIT $4

-- name: select_registrations_of
SELECT id FROM registration WHERE account_id = $1 AND province_id = $2 ORDER BY cycle_id

-- name: forget_evidence
UPDATE proctor_check SET evidence_id = NULL WHERE evidence_id = ANY($1::uuid[])

-- name: delete_enrolments
DELETE FROM enrolment WHERE registration_id = $1 RETURNING embedding

-- name: insert_purge
INSERT INTO purge (id, province_id, account_id, cycle_id, data_class, key_id, items, bytes, digest, why, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: select_purges
SELECT * FROM purge WHERE ($1::uuid IS NULL OR cycle_id = $1) AND ($2::uuid IS NULL OR account_id = $2) ORDER BY id

-- name: select_purged_keys_left
-- Data keys that a purge says are destroyed, and that are there.
SELECT k.id FROM purge p JOIN data_key k ON k.id = p.key_id

-- name: insert_deletion_request
INSERT INTO deletion_request (id, province_id, account_id, why, asked_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id) WHERE carried_out_at IS NULL AND withdrawn_at IS NULL DO NOTHING
RETURNING id

-- name: select_optional_deletion_request
SELECT id, province_id, account_id, why, asked_at FROM deletion_request
WHERE account_id = $1 AND carried_out_at IS NULL AND withdrawn_at IS NULL

-- name: select_deletion_requests
SELECT id, province_id, account_id, why, asked_at FROM deletion_request
WHERE carried_out_at IS NULL AND withdrawn_at IS NULL AND id > $1
ORDER BY id
LIMIT $2

-- name: update_deletion_carried_out
UPDATE deletion_request SET carried_out_at = $2 WHERE id = $1

-- name: withdraw_deletion_request
UPDATE deletion_request SET withdrawn_at = $2
WHERE account_id = $1 AND carried_out_at IS NULL AND withdrawn_at IS NULL
RETURNING id
