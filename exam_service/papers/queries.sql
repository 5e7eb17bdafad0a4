-- name: insert_attempt
-- Nothing when one is open already: two starts at once make one attempt.
INSERT INTO attempt (id, province_id, registration_id, cycle_id, account_id, institution_id, body_id, subject,
                     ordinal, state, rule, notice_version, notice_accepted_at, total)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT DO NOTHING
RETURNING id

-- name: insert_attempt_item
INSERT INTO attempt_item (attempt_id, position, item_id, option_ids) VALUES ($1, $2, $3, $4)

-- name: update_notice
UPDATE attempt SET notice_version = $2, notice_accepted_at = $3 WHERE id = $1

-- name: select_attempts
SELECT * FROM attempt WHERE registration_id = $1 AND province_id = $2 ORDER BY subject, ordinal

-- name: select_optional_attempt
SELECT * FROM attempt WHERE id = $1 AND province_id = $2

-- name: lock_optional_attempt
SELECT * FROM attempt WHERE id = $1 AND province_id = $2 FOR NO KEY UPDATE

-- name: lock_optional_attempt_skipping
SELECT * FROM attempt WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED

-- name: update_state
UPDATE attempt SET state = $2 WHERE id = $1

-- name: insert_move
INSERT INTO attempt_move (id, attempt_id, province_id, from_state, to_state, cause, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: update_admitted
UPDATE attempt SET admitted_at = $2, deadline = $3 WHERE id = $1

-- name: update_lease
UPDATE attempt SET lease_epoch = $2 WHERE id = $1

-- name: update_closed
UPDATE attempt SET closed_at = $2, handed_in_at = $3 WHERE id = $1

-- name: update_marked
UPDATE attempt SET correct = $2, mark = $3, passed = $4 WHERE id = $1

-- name: update_passed
UPDATE attempt SET passed = $2 WHERE id = $1

-- name: select_paper
SELECT item_id, option_ids FROM attempt_item WHERE attempt_id = $1 ORDER BY position

-- name: select_optional_options
SELECT option_ids FROM attempt_item WHERE attempt_id = $1 AND item_id = $2

-- name: insert_answer_event
INSERT INTO answer_event (attempt_id, epoch, seq, item_id, option_id, client_time, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
RETURNING seq

-- name: select_answer_event
SELECT item_id, option_id FROM answer_event WHERE attempt_id = $1 AND epoch = $2 AND seq = $3

-- name: upsert_answer
-- An older event never replaces a newer one, whatever order they arrive in.
INSERT INTO answer AS a (attempt_id, item_id, option_id, epoch, seq)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (attempt_id, item_id) DO UPDATE
SET option_id = excluded.option_id, epoch = excluded.epoch, seq = excluded.seq
WHERE (a.epoch, a.seq) < (excluded.epoch, excluded.seq)

-- name: select_answers
SELECT item_id, option_id FROM answer WHERE attempt_id = $1

-- name: upsert_presence
INSERT INTO presence (attempt_id, seen_at, epoch) VALUES ($1, $2, $3)
ON CONFLICT (attempt_id) DO UPDATE SET seen_at = excluded.seen_at, epoch = excluded.epoch

-- name: select_due
SELECT id FROM attempt
WHERE (state IN ('admitted', 'running') AND deadline <= $1) OR (state = 'closing' AND deadline <= $2)
ORDER BY id
LIMIT $3

-- name: select_unmarked
SELECT id FROM attempt WHERE state = 'closed' ORDER BY id LIMIT $1
