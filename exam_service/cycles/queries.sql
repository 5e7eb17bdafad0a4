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

-- name: lock_cycle
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until,
       stages::text AS stages
FROM cycle WHERE id = $1 AND province_id = $2
FOR NO KEY UPDATE

-- name: update_plan
UPDATE cycle SET title = $2, tests_from = $3, tests_until = $4, makeup_from = $5, makeup_until = $6, stages = $7
WHERE id = $1

-- name: select_cycle_bodies
-- The bodies of a cycle, with how many institutions each has in it.
SELECT b.id, b.name, b.phone,
       (SELECT count(*) FROM cycle_institution i WHERE i.cycle_id = $1 AND i.body_id = b.id) AS institutions
FROM cycle_body c JOIN body b ON b.id = c.body_id
WHERE c.cycle_id = $1 AND c.province_id = $2
ORDER BY b.name COLLATE "C"

-- name: select_bodies
-- The bodies of a province, with whether they are in the cycle, their institutions in it and their staff.
SELECT b.id, b.name, b.phone,
       EXISTS (SELECT FROM cycle_body c WHERE c.cycle_id = $2 AND c.body_id = b.id) AS is_in_cycle,
       (SELECT count(*) FROM cycle_institution i WHERE i.cycle_id = $2 AND i.body_id = b.id) AS institutions,
       (SELECT count(*) FROM account a WHERE a.body_id = b.id AND a.disabled_at IS NULL) AS staff
FROM body b
WHERE b.province_id = $1
ORDER BY b.name COLLATE "C"

-- name: count_unassigned
-- Institutions of a province that have no body in the cycle.
SELECT count(*) FROM institution i
WHERE i.province_id = $1
    AND NOT EXISTS (SELECT FROM cycle_institution c WHERE c.cycle_id = $2 AND c.institution_id = i.id)

-- name: carry_bodies_over
INSERT INTO cycle_body (cycle_id, body_id, province_id)
SELECT $1, body_id, province_id FROM cycle_body WHERE cycle_id = $2 AND province_id = $3
ON CONFLICT DO NOTHING

-- name: carry_institutions_over
-- Gives how many that had no body yet.
WITH carried AS (
    INSERT INTO cycle_institution (cycle_id, institution_id, body_id, province_id)
    SELECT $1, institution_id, body_id, province_id FROM cycle_institution
    WHERE cycle_id = $2 AND province_id = $3
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM carried

-- name: select_optional_cycle_before
SELECT id, province_id, title, tests_from, tests_until, policy::text AS policy, makeup_from, makeup_until,
       stages::text AS stages
FROM cycle WHERE province_id = $1 AND id < $2
ORDER BY id DESC
LIMIT 1

-- name: select_offices
-- A page of a province's institutions by name, with their body in the cycle and their staff.
SELECT i.id, i.name, i.phone, i.address, b.name AS body,
       (SELECT count(*) FROM account a WHERE a.institution_id = i.id AND a.disabled_at IS NULL) AS staff
FROM institution i
    LEFT JOIN cycle_institution c ON c.cycle_id = $2 AND c.institution_id = i.id
    LEFT JOIN body b ON b.id = c.body_id
WHERE i.province_id = $1 AND strpos(i.name, $3) > 0
    AND ($4::uuid IS NULL OR c.body_id = $4) AND (NOT $5::boolean OR c.body_id IS NULL)
    AND i.name COLLATE "C" > $6
ORDER BY i.name COLLATE "C"
LIMIT $7

-- name: select_office_ids
-- All that a list's filter shows.
SELECT i.id
FROM institution i LEFT JOIN cycle_institution c ON c.cycle_id = $2 AND c.institution_id = i.id
WHERE i.province_id = $1 AND strpos(i.name, $3) > 0
    AND ($4::uuid IS NULL OR c.body_id = $4) AND (NOT $5::boolean OR c.body_id IS NULL)

-- name: select_own_ids
-- Which of these institutions are of the province.
SELECT id FROM institution WHERE province_id = $1 AND id = ANY($2::uuid[])

-- name: assign_institutions
INSERT INTO cycle_institution (cycle_id, institution_id, body_id, province_id)
SELECT $1, institution_id, $3, $4 FROM unnest($2::uuid[]) AS chosen (institution_id)
ON CONFLICT (cycle_id, institution_id) DO UPDATE SET body_id = excluded.body_id

-- name: select_institutions_of_body
SELECT institution_id FROM cycle_institution WHERE cycle_id = $1 AND body_id = $2

-- name: insert_application
-- Nothing while one is open or granted.
INSERT INTO body_application (id, province_id, cycle_id, institution_id, kind, grounds, applied_by, applied_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open')
ON CONFLICT DO NOTHING
RETURNING id

-- name: select_own_applications
SELECT t.id, t.province_id, t.cycle_id, t.institution_id, i.name AS institution, t.kind, t.grounds, t.applied_at,
       t.state, t.decided_at, t.decision, t.body_id
FROM body_application t JOIN institution i ON i.id = t.institution_id
WHERE t.institution_id = $1 AND t.province_id = $2 AND t.cycle_id = $3
ORDER BY t.id DESC

-- name: select_applications
-- A page of a cycle's, those of one state or all, the oldest first.
SELECT t.id, t.province_id, t.cycle_id, t.institution_id, i.name AS institution, t.kind, t.grounds, t.applied_at,
       t.state, t.decided_at, t.decision, t.body_id
FROM body_application t JOIN institution i ON i.id = t.institution_id
WHERE t.province_id = $1 AND t.cycle_id = $2 AND ($3::text IS NULL OR t.state = $3)
    AND ($4::uuid IS NULL OR t.id > $4)
ORDER BY t.id
LIMIT $5

-- name: count_open_applications
SELECT count(*) FROM body_application WHERE province_id = $1 AND cycle_id = $2 AND state = 'open'

-- name: lock_application
SELECT t.id, t.province_id, t.cycle_id, t.institution_id, i.name AS institution, t.kind, t.grounds, t.applied_at,
       t.state, t.decided_at, t.decision, t.body_id
FROM body_application t JOIN institution i ON i.id = t.institution_id
WHERE t.id = $1 AND t.province_id = $2
FOR NO KEY UPDATE OF t

-- name: update_application
UPDATE body_application SET state = $2, decided_by = $3, decided_at = $4, decision = $5, body_id = $6 WHERE id = $1

-- name: select_optional_body_of_name
SELECT id FROM body WHERE province_id = $1 AND name COLLATE "C" = $2
