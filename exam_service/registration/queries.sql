-- name: insert_registration
INSERT INTO registration (id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure,
                          category, level, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: select_optional_latest
-- The registration in the newest cycle.
SELECT id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure, category, level,
       photo_id, photo_reviewed_at
FROM registration
WHERE account_id = $1 AND province_id = $2
ORDER BY cycle_id DESC
LIMIT 1

-- name: select_registration
SELECT id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure, category, level,
       photo_id, photo_reviewed_at
FROM registration
WHERE id = $1 AND province_id = $2

-- name: lock_state
SELECT state FROM registration WHERE id = $1 AND province_id = $2 FOR NO KEY UPDATE

-- name: update_state
UPDATE registration SET state = $2 WHERE id = $1

-- name: insert_move
INSERT INTO registration_move (id, registration_id, province_id, from_state, to_state, cause, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: update_photo
UPDATE registration SET photo_id = $2, photo_reviewed_at = $3 WHERE id = $1

-- name: count_by_state
SELECT state, count(*) AS registrations
FROM registration
WHERE province_id = $1 AND ($2::uuid IS NULL OR institution_id = $2) AND ($3::uuid IS NULL OR body_id = $3)
GROUP BY state
