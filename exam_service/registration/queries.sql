-- name: insert_registration
INSERT INTO registration (id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure,
                          category, level, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: select_optional_latest
-- The registration in the newest cycle.
SELECT id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure, category, level,
       photo_id, photo_reviewed_at, department_id, submitted_at, has_bad_records, result, concluded_at
FROM registration
WHERE account_id = $1 AND province_id = $2
ORDER BY cycle_id DESC
LIMIT 1

-- name: select_registration
SELECT id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure, category, level,
       photo_id, photo_reviewed_at, department_id, submitted_at, has_bad_records, result, concluded_at
FROM registration
WHERE id = $1 AND province_id = $2

-- name: select_testable
-- A page of those of a cycle in these states, with the papers that they need not sit.
SELECT id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure, category, level,
       photo_id, photo_reviewed_at, department_id, submitted_at, has_bad_records, result, concluded_at,
       ARRAY(SELECT subject FROM exemption e WHERE e.registration_id = registration.id) AS exempted
FROM registration
WHERE cycle_id = $1 AND province_id = $2 AND state = ANY($3::text[]) AND ($4::uuid IS NULL OR id > $4)
ORDER BY id
LIMIT $5

-- name: lock_registration
SELECT id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure, category, level,
       photo_id, photo_reviewed_at, department_id, submitted_at, has_bad_records, result, concluded_at
FROM registration
WHERE id = $1 AND province_id = $2
FOR NO KEY UPDATE

-- name: lock_state
SELECT state FROM registration WHERE id = $1 AND province_id = $2 FOR NO KEY UPDATE

-- name: update_state
WITH moved AS (
    INSERT INTO registration_move (id, registration_id, province_id, from_state, to_state, cause, actor_id, at)
    VALUES ($3, $1, $4, $5, $2, $6, $7, $8)
)
UPDATE registration SET state = $2 WHERE id = $1

-- name: update_place
UPDATE registration SET institution_id = $2, body_id = $3, department_id = NULL WHERE id = $1

-- name: update_result
UPDATE registration SET result = $2, concluded_at = $3 WHERE id = $1

-- name: select_optional_of_cycle
SELECT id, province_id, cycle_id, account_id, institution_id, body_id, state, procedure, category, level,
       photo_id, photo_reviewed_at, department_id, submitted_at, has_bad_records, result, concluded_at
FROM registration
WHERE cycle_id = $1 AND account_id = $2

-- name: update_photo
UPDATE registration SET photo_id = $2, photo_reviewed_at = $3 WHERE id = $1

-- name: count_by_state
SELECT state, count(*) AS registrations
FROM registration
WHERE province_id = $1 AND ($2::uuid IS NULL OR institution_id = $2) AND ($3::uuid IS NULL OR body_id = $3)
GROUP BY state

-- name: select_exempted
SELECT subject FROM exemption WHERE registration_id = $1

-- name: insert_exemption
-- Nothing when it was granted before.
INSERT INTO exemption (registration_id, subject, province_id, reason, granted_by, granted_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING subject

-- name: select_moves
SELECT m.at, m.from_state, m.to_state, m.cause, a.name AS actor, a.role AS actor_role
FROM registration_move m LEFT JOIN account a ON a.id = m.actor_id
WHERE m.registration_id = $1 AND m.province_id = $2
ORDER BY m.id
