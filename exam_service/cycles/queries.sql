-- name: insert_cycle
INSERT INTO cycle (id, province_id, title, tests_from, tests_until, policy, opened_at,
                   makeup_from, makeup_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: select_cycle
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until
FROM cycle WHERE id = $1 AND province_id = $2

-- name: select_cycles
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until
FROM cycle WHERE ($1::text IS NULL OR province_id = $1) AND ($2::uuid IS NULL OR id = $2)
ORDER BY id

-- name: select_cycles_with_makeup
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until
FROM cycle WHERE province_id = $1 AND makeup_from IS NOT NULL
ORDER BY id DESC
