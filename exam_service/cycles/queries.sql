-- name: insert_cycle
INSERT INTO cycle (id, province_id, title, tests_from, tests_until, policy, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: select_cycle
SELECT id, province_id, title, tests_from, tests_until, policy
FROM cycle WHERE id = $1 AND province_id = $2
