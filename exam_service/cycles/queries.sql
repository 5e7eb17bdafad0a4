-- name: insert_cycle
INSERT INTO cycle (id, province_id, title, tests_from, tests_until, policy, opened_at,
                   makeup_from, makeup_until, stages)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: select_cycle
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until,
       stages::text AS stages
FROM cycle WHERE id = $1 AND province_id = $2

-- name: select_cycles
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until,
       stages::text AS stages
FROM cycle WHERE ($1::text IS NULL OR province_id = $1) AND ($2::uuid IS NULL OR id = $2)
ORDER BY id

-- name: select_cycles_with_makeup
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until,
       stages::text AS stages
FROM cycle WHERE province_id = $1 AND makeup_from IS NOT NULL
ORDER BY id DESC

-- name: select_optional_newest
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until,
       stages::text AS stages
FROM cycle WHERE province_id = $1
ORDER BY id DESC
LIMIT 1

-- name: insert_cycle_body
INSERT INTO cycle_body (cycle_id, body_id, province_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: upsert_cycle_institution
INSERT INTO cycle_institution (cycle_id, institution_id, body_id, province_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (cycle_id, institution_id) DO UPDATE SET body_id = excluded.body_id

-- name: select_optional_body
SELECT body_id FROM cycle_institution WHERE cycle_id = $1 AND institution_id = $2
