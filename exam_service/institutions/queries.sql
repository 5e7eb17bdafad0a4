-- name: insert_department
INSERT INTO department (id, province_id, institution_id, name, subjects, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (institution_id, name) DO NOTHING
RETURNING id

-- name: update_department
-- Nothing where another of the institution has the name.
UPDATE department d SET name = $4, subjects = $5
WHERE d.id = $1 AND d.institution_id = $2 AND d.province_id = $3
    AND NOT EXISTS (SELECT FROM department o WHERE o.institution_id = $2 AND o.name = $4 AND o.id <> $1)
RETURNING d.id

-- name: select_optional_department
SELECT d.id, d.province_id, d.institution_id, d.name, d.subjects, d.stopped_at,
       EXISTS (SELECT FROM roster_entry e WHERE e.department_id = d.id) AS is_used
FROM department d
WHERE d.id = $1 AND d.institution_id = $2 AND d.province_id = $3

-- name: select_departments
-- $3: a pattern for names; $4: whether stopped.
SELECT d.id, d.province_id, d.institution_id, d.name, d.subjects, d.stopped_at,
       EXISTS (SELECT FROM roster_entry e WHERE e.department_id = d.id) AS is_used
FROM department d
WHERE d.institution_id = $1 AND d.province_id = $2
    AND ($3::text IS NULL OR d.name LIKE $3) AND ($4::boolean IS NULL OR (d.stopped_at IS NOT NULL) = $4)
    AND ($5::uuid IS NULL OR d.id > $5)
ORDER BY d.id
LIMIT $6

-- name: count_departments
SELECT count(*) FROM department WHERE institution_id = $1 AND province_id = $2 AND stopped_at IS NULL

-- name: update_department_stopped
UPDATE department SET stopped_at = $4 WHERE id = $1 AND institution_id = $2 AND province_id = $3

-- name: delete_department
DELETE FROM department WHERE id = $1 AND institution_id = $2 AND province_id = $3

-- name: insert_entries
INSERT INTO roster_entry (account_id, province_id, institution_id, department_id, name, sex, born_on, category,
                          level, licensed_on, first_registered_on, details, created_at)
SELECT e.account_id, $1, $2, e.department_id, e.name, e.sex, e.born_on, e.category, e.level, e.licensed_on,
       e.first_registered_on, e.details, $3
FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::date[], $9::text[], $10::text[], $11::date[],
            $12::date[], $13::bytea[])
    AS e (account_id, department_id, name, sex, born_on, category, level, licensed_on, first_registered_on, details)

-- name: select_optional_entry
SELECT account_id, province_id, institution_id, department_id, name, sex, born_on, category, level, licensed_on,
       first_registered_on, left_at, left_reason
FROM roster_entry WHERE account_id = $1 AND province_id = $2

-- name: lock_entry
SELECT account_id, province_id, institution_id, department_id, name, sex, born_on, category, level, licensed_on,
       first_registered_on, left_at, left_reason
FROM roster_entry WHERE account_id = $1 AND province_id = $2
FOR NO KEY UPDATE

-- name: select_optional_details
SELECT details FROM roster_entry WHERE account_id = $1 AND province_id = $2

-- name: select_institutions_of
-- Of these accounts, those on a roster, with their institution where they have one.
SELECT account_id, institution_id FROM roster_entry WHERE account_id = ANY($1::uuid[]) AND province_id = $2

-- name: update_entry
UPDATE roster_entry SET department_id = $3, sex = $4, born_on = $5, category = $6, level = $7, licensed_on = $8,
                        first_registered_on = $9, details = $10
WHERE account_id = $1 AND province_id = $2

-- name: update_entry_name
UPDATE roster_entry SET name = $3 WHERE account_id = $1 AND province_id = $2

-- name: update_entry_institution
-- Into another institution, and into none of its departments.
UPDATE roster_entry SET institution_id = $3, department_id = NULL, left_at = NULL, left_reason = NULL
WHERE account_id = $1 AND province_id = $2

-- name: update_entry_back
-- Back into the institution that they left, and into their department unless it was deleted, or is just being deleted.
UPDATE roster_entry
SET institution_id = $3, left_at = NULL, left_reason = NULL,
    department_id = (SELECT d.id FROM department d WHERE d.id = $4 AND d.institution_id = $3 FOR KEY SHARE)
WHERE account_id = $1 AND province_id = $2
RETURNING department_id

-- name: update_entry_left
UPDATE roster_entry SET institution_id = NULL, department_id = NULL, left_at = $3, left_reason = $4
WHERE account_id = $1 AND province_id = $2

-- name: delete_entry
DELETE FROM roster_entry WHERE account_id = $1 AND province_id = $2

-- name: count_entries
SELECT count(*) FROM roster_entry WHERE institution_id = $1

-- name: insert_transfer
INSERT INTO transfer (id, province_id, account_id, from_institution_id, to_institution_id, reason, asked_by, asked_at,
                      state, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: select_transfer
SELECT id, province_id, account_id, from_institution_id, to_institution_id, reason, asked_at, state, decided_at,
       decision
FROM transfer WHERE id = $1 AND province_id = $2

-- name: lock_transfer
SELECT id, province_id, account_id, from_institution_id, to_institution_id, reason, asked_at, state, decided_at,
       decision
FROM transfer WHERE id = $1 AND province_id = $2
FOR NO KEY UPDATE

-- name: select_optional_open_transfer
SELECT id, province_id, account_id, from_institution_id, to_institution_id, reason, asked_at, state, decided_at,
       decision
FROM transfer WHERE account_id = $1 AND state = 'open'

-- name: update_transfer
UPDATE transfer SET state = $2, decided_by = $3, decided_at = $4, decision = $5 WHERE id = $1

-- name: withdraw_transfers_of
-- Whoever has come to another institution is asked for no more.
UPDATE transfer SET state = 'withdrawn', decided_by = $2, decided_at = $3, decision = $4
WHERE account_id = $1 AND state = 'open'

-- name: select_transfers
-- Those of an institution ($1), asked for by it and of it, the newest first.
SELECT t.id, t.province_id, t.account_id, t.from_institution_id, t.to_institution_id, t.reason, t.asked_at, t.state,
       t.decided_at, t.decision, p.name, f.name AS from_institution, i.name AS to_institution, s.name AS decided_by
FROM (
    (SELECT * FROM transfer
     WHERE to_institution_id = $1 AND province_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4)
    UNION ALL
    (SELECT * FROM transfer
     WHERE from_institution_id = $1 AND province_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4)
) t
JOIN account p ON p.id = t.account_id
JOIN institution i ON i.id = t.to_institution_id
LEFT JOIN institution f ON f.id = t.from_institution_id
LEFT JOIN account s ON s.id = t.decided_by
ORDER BY t.id DESC
LIMIT $4

-- name: count_open_transfers
-- To be answered by the institution, and waited for by it.
SELECT count(*) FILTER (WHERE from_institution_id = $1) AS of_ours,
       count(*) FILTER (WHERE to_institution_id = $1) AS by_us
FROM transfer
WHERE state = 'open' AND (from_institution_id = $1 OR to_institution_id = $1)

-- name: insert_import
INSERT INTO roster_import (id, province_id, institution_id, asked_by, file_name, file, state, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7)

-- name: select_optional_import
SELECT id, province_id, institution_id, asked_by, file_name, state, rows, checked, added, problems::text AS problems,
       asked_at, done_at
FROM roster_import WHERE id = $1 AND institution_id = $2 AND province_id = $3

-- name: select_imports
SELECT id, province_id, institution_id, asked_by, file_name, state, rows, checked, added, '[]' AS problems, asked_at,
       done_at
FROM roster_import WHERE institution_id = $1 AND province_id = $2
ORDER BY id DESC
LIMIT $3

-- name: lock_imports
-- Files of one institution that come at once are counted one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('roster_import ' || $1::uuid::text, 0))

-- name: count_open_imports
SELECT count(*) FROM roster_import WHERE institution_id = $1 AND state IN ('waiting', 'checking')

-- name: take_import
-- The oldest that nobody works on: it waits, or who worked on it was last heard of before $2.
UPDATE roster_import SET state = 'checking', beat_at = $1, checked = 0, tries = tries + 1
WHERE id = (
    SELECT id FROM roster_import
    WHERE state = 'waiting' OR (state = 'checking' AND beat_at < $2)
    ORDER BY id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, province_id, institution_id, asked_by, file, tries

-- name: beat_import
-- Only while the work is still whoever's whose last beat this was ($2).
UPDATE roster_import SET beat_at = $3, rows = $4, checked = $5
WHERE id = $1 AND state = 'checking' AND beat_at = $2
RETURNING id

-- name: finish_import
UPDATE roster_import SET state = $3, added = $4, problems = $5, done_at = $6, file = NULL
WHERE id = $1 AND state = 'checking' AND beat_at = $2
RETURNING id

-- name: select_names
-- Of these, those on the institution's roster.
SELECT account_id, name FROM roster_entry
WHERE account_id = ANY($1::uuid[]) AND institution_id = $2 AND province_id = $3
ORDER BY account_id
