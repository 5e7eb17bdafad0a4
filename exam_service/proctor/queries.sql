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

-- name: exists_reference
-- A face to compare with, or a reviewed photo to take one from.
SELECT EXISTS (SELECT FROM enrolment WHERE registration_id = $1)
    OR EXISTS (SELECT FROM registration WHERE id = $1 AND photo_reviewed_at IS NOT NULL)

-- name: insert_enrolment
INSERT INTO enrolment (id, province_id, registration_id, model, source, embedding, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (registration_id, model) DO UPDATE
SET id = excluded.id, source = excluded.source, embedding = excluded.embedding, created_at = excluded.created_at

-- name: insert_checks
-- A frame delivered twice gets one verdict.
INSERT INTO proctor_check (id, province_id, registration_id, attempt_id, stream_id, seq, purpose, received_at,
                           checked_at, verdict, faces, distance, model, match_threshold, mismatch_threshold,
                           enrolled, evidence_id, score, yaw, look, frame_hash, age_ms, kept_for)
SELECT *
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::integer[], $7::text[],
            $8::timestamptz[], $9::timestamptz[], $10::text[], $11::integer[], $12::real[], $13::text[],
            $14::real[], $15::real[], $16::boolean[], $17::uuid[], $18::real[], $19::real[], $20::bigint[],
            $21::bytea[], $22::integer[], $23::text[])
ON CONFLICT DO NOTHING
RETURNING id

-- name: select_optional_check
SELECT * FROM proctor_check WHERE id = $1 AND province_id = $2

-- name: select_checks_by_id
SELECT * FROM proctor_check WHERE id = ANY($1::uuid[])

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

-- name: select_awaited
SELECT f.id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS f (id, registration_id, attempt_id, purpose)
JOIN identity_check i ON i.registration_id = f.registration_id
    AND i.attempt_id IS NOT DISTINCT FROM f.attempt_id AND i.purpose = f.purpose AND i.state = 'open'

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
    front_model = $9, compared = $10, passed_at = $11, decided_by = $12, decided_at = $13, decision_reason = $14,
    opened_at = $15
WHERE id = $1

-- name: select_optional_passed_rehearsal
SELECT * FROM identity_check
WHERE registration_id = $1 AND attempt_id IS NULL AND state = 'passed'
ORDER BY passed_at DESC LIMIT 1

-- name: select_waiting_checks
SELECT c.id, c.attempt_id, c.purpose, p.name, i.name AS institution, c.opened_at, c.tries, c.last_spent,
       c.asked_reason, r.photo_id IS NOT NULL AND r.photo_reviewed_at IS NOT NULL AS has_photo
FROM identity_check c
JOIN attempt a ON a.id = c.attempt_id
JOIN registration r ON r.id = c.registration_id
JOIN account p ON p.id = a.account_id
JOIN institution i ON i.id = a.institution_id
WHERE c.province_id = $1 AND a.body_id = $2 AND c.state = 'waiting'
ORDER BY c.opened_at, c.id

-- name: select_unsettled_checks
-- The newest identity check of each kind of an attempt, where it waits or was refused and the attempt still needs it.
SELECT c.id, c.purpose, c.state, c.opened_at, c.tries, c.last_spent, c.asked_reason, p.name AS decided_by,
       c.decided_at, c.decision_reason
FROM (
    SELECT DISTINCT ON (i.purpose) i.*
    FROM identity_check i
    WHERE i.registration_id = $1 AND i.attempt_id = $2
    ORDER BY i.purpose, i.id DESC
) c
JOIN attempt a ON a.id = c.attempt_id
LEFT JOIN account p ON p.id = c.decided_by
WHERE c.state IN ('waiting', 'refused')
    AND a.state = ANY (CASE c.purpose WHEN 'check' THEN ARRAY['prepared'] ELSE ARRAY['admitted', 'running'] END)
ORDER BY c.id

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
-- The newest kept frame of an attempt that was sent for this purpose, and from this device where it is known.
SELECT c.evidence_id FROM proctor_check c JOIN proctor_stream s ON s.id = c.stream_id
WHERE c.attempt_id = $1 AND c.province_id = $2 AND c.purpose = $3 AND c.evidence_id IS NOT NULL
    AND ($4::bytea IS NULL OR s.device_hash = $4)
ORDER BY c.received_at DESC, c.seq DESC LIMIT 1

-- name: select_owners
-- Whose frames of a batch are, and the face each is compared with; none for a frame that has its verdict.
SELECT f.position, r.account_id, r.id AS registration_id, r.cycle_id,
       CASE WHEN r.photo_reviewed_at IS NOT NULL THEN r.photo_id END AS reviewed_photo_id,
       a.body_id, e.id AS enrolment_id, e.embedding
FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::uuid[])
     WITH ORDINALITY AS f(stream_id, seq, registration_id, province_id, attempt_id, position)
JOIN registration r ON r.id = f.registration_id AND r.province_id = f.province_id
LEFT JOIN attempt a ON a.id = f.attempt_id
LEFT JOIN enrolment e ON e.registration_id = r.id AND e.model = $6
WHERE NOT EXISTS (SELECT FROM proctor_check c WHERE c.stream_id = f.stream_id AND c.seq = f.seq)

-- name: select_seen
SELECT DISTINCT c.registration_id, c.frame_hash
FROM unnest($1::uuid[], $2::bytea[]) AS f(registration_id, frame_hash)
JOIN proctor_check c ON c.registration_id = f.registration_id AND c.frame_hash = f.frame_hash

-- name: select_latest_verdicts
-- The newest few of each attempt's paper, the newest first.
SELECT f.attempt_id, c.verdict
FROM unnest($1::uuid[]) AS f(attempt_id)
CROSS JOIN LATERAL (SELECT verdict, received_at, seq FROM proctor_check
                    WHERE attempt_id = f.attempt_id AND purpose = 'paper'
                    ORDER BY received_at DESC, seq DESC LIMIT $2) AS c
ORDER BY f.attempt_id, c.received_at DESC, c.seq DESC

-- name: select_optional_first_check
-- The kept frame that enrolled somebody in a demonstration.
SELECT evidence_id FROM proctor_check
WHERE registration_id = $1 AND enrolled AND evidence_id IS NOT NULL
ORDER BY received_at LIMIT 1

-- retention

-- name: select_previous
-- The newest verdicts on each paper, of each the oldest first.
SELECT c.*
FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (
    SELECT * FROM proctor_check WHERE attempt_id = a.id AND purpose = 'paper'
    ORDER BY received_at DESC, seq DESC
    LIMIT $2
) c
ORDER BY c.received_at, c.seq

-- name: count_kept
SELECT attempt_id, count(*) AS pictures FROM proctor_check
WHERE attempt_id = ANY($1::uuid[]) AND purpose = 'paper' AND evidence_id IS NOT NULL
GROUP BY attempt_id

-- name: update_kept
-- Unless it was kept before, or shows nothing.
UPDATE proctor_check SET evidence_id = id, kept_for = 'around'
WHERE id = $1 AND evidence_id IS NULL AND verdict <> 'unusable'
RETURNING id

-- name: select_face_keys
SELECT id, data_class FROM data_key
WHERE account_id = $1 AND cycle_id = $2 AND data_class IN ('frame', 'embedding')

-- name: select_keyed_evidence
SELECT id FROM evidence WHERE key_id = $1

-- name: select_samples
SELECT evidence_id FROM proctor_check
WHERE registration_id = $1 AND kept_for = 'sample' AND evidence_id IS NOT NULL

-- name: select_optional_doubt
-- When frames or a person last said of a paper that somebody else sat there, and nobody has said otherwise.
SELECT max(coalesce(decided_at, (challenge ->> 'last_at')::timestamptz, opened_at)) FROM identity_check
WHERE registration_id = $1 AND attempt_id IS NOT NULL AND state IN ('waiting', 'refused')

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

-- name: forget_fronts
-- What identity checks still hold of a face that looked straight ahead; gives what was sealed.
WITH held AS (
    SELECT id, front_embedding FROM identity_check WHERE registration_id = $1 AND front_embedding IS NOT NULL
)
UPDATE identity_check i SET front_embedding = NULL, front_model = NULL FROM held WHERE i.id = held.id
RETURNING held.front_embedding

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
