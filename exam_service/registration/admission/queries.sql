-- name: plan_for_these_values
-- Which filters are used decides which index leads: the statement of this transaction is planned with its values.
SET LOCAL plan_cache_mode = force_custom_plan

-- name: select_listed
-- A page of an institution's ($1) roster with the registrations of a cycle ($3), in the order they were entered.
-- $5, $6: a beginning of names and the first text after all that begin so; $13: only who isn't let in; $16: of
-- which activation. The registrations are looked up one by one: a page has few, and nothing tells beforehand how many lack one.
SELECT e.account_id, e.name, e.born_on, e.category, e.level, e.licensed_on, e.first_registered_on,
       (SELECT d.name FROM department d WHERE d.id = e.department_id) AS department,
       (SELECT a.activated_at IS NOT NULL FROM account a WHERE a.id = e.account_id) AS is_activated,
       e.registration_id, e.state
FROM (
    SELECT e.*, r.id AS registration_id, r.state
    FROM roster_entry e
    LEFT JOIN LATERAL (
        SELECT id, state FROM registration WHERE account_id = e.account_id AND cycle_id = $3 LIMIT 1
    ) r ON TRUE
    WHERE e.institution_id = $1 AND e.province_id = $2
        AND ($4::uuid IS NULL OR e.department_id = $4)
        AND ($5::text IS NULL OR (e.name >= $5 AND e.name < $6))
        AND ($7::date IS NULL OR e.born_on >= $7) AND ($8::date IS NULL OR e.born_on <= $8)
        AND ($9::text IS NULL OR e.category = $9) AND ($10::text IS NULL OR e.level = $10)
        AND ($11::date IS NULL OR e.first_registered_on >= $11)
        AND ($12::date IS NULL OR e.first_registered_on <= $12)
        AND (NOT $13::boolean OR r.state IS NULL OR r.state = 'not_admitted')
        AND ($14::uuid IS NULL OR e.account_id > $14)
        AND ($16::text IS NULL OR EXISTS (
            SELECT FROM account a
            WHERE a.id = e.account_id AND a.activated_at IS NULL AND ($16 = 'awaited' OR a.mobile IS NULL)
        ))
    ORDER BY e.account_id
    LIMIT $15
) e
ORDER BY e.account_id

-- name: select_listed_in_state
-- As select_listed, those whose registration is in one of these states ($13): it begins with the registrations.
SELECT e.account_id, e.name, e.born_on, e.category, e.level, e.licensed_on, e.first_registered_on,
       (SELECT d.name FROM department d WHERE d.id = e.department_id) AS department,
       (SELECT a.activated_at IS NOT NULL FROM account a WHERE a.id = e.account_id) AS is_activated,
       e.registration_id, e.state
FROM (
    SELECT e.*, r.id AS registration_id, r.state
    FROM registration r
    JOIN roster_entry e ON e.account_id = r.account_id
    WHERE r.institution_id = $1 AND r.cycle_id = $3 AND r.state = ANY($13::text[])
        AND e.institution_id = $1 AND e.province_id = $2
        AND ($4::uuid IS NULL OR e.department_id = $4)
        AND ($5::text IS NULL OR (e.name >= $5 AND e.name < $6))
        AND ($7::date IS NULL OR e.born_on >= $7) AND ($8::date IS NULL OR e.born_on <= $8)
        AND ($9::text IS NULL OR e.category = $9) AND ($10::text IS NULL OR e.level = $10)
        AND ($11::date IS NULL OR e.first_registered_on >= $11)
        AND ($12::date IS NULL OR e.first_registered_on <= $12)
        AND ($14::uuid IS NULL OR (e.account_id > $14 AND r.account_id > $14))
        AND ($16::text IS NULL OR EXISTS (
            SELECT FROM account a
            WHERE a.id = e.account_id AND a.activated_at IS NULL AND ($16 = 'awaited' OR a.mobile IS NULL)
        ))
    ORDER BY e.account_id
    LIMIT $15
) e
ORDER BY e.account_id

-- name: select_sheet
-- One physician of an institution's roster.
SELECT e.account_id, e.name, e.sex, e.born_on, e.category, e.level, e.licensed_on, e.first_registered_on,
       e.created_at, d.name AS department, a.activated_at, a.first_activated_at, a.document_type,
       r.id AS registration_id, r.state
FROM roster_entry e
JOIN account a ON a.id = e.account_id
LEFT JOIN department d ON d.id = e.department_id
LEFT JOIN registration r ON r.account_id = e.account_id AND r.cycle_id = $4
WHERE e.account_id = $1 AND e.institution_id = $2 AND e.province_id = $3

-- name: select_optional_last_move
SELECT id, from_state, to_state, cause, at FROM registration_move WHERE registration_id = $1 ORDER BY id DESC LIMIT 1

-- name: select_optional_taken_out
-- From where a registration was last taken out of its cycle.
SELECT from_state FROM registration_move WHERE registration_id = $1 AND to_state = 'not_admitted'
ORDER BY id DESC LIMIT 1

-- name: exists_form_saved_since
SELECT EXISTS (SELECT FROM registration_form WHERE registration_id = $1 AND saved_at > $2)

-- name: exists_registration
SELECT EXISTS (SELECT FROM registration WHERE account_id = $1)

-- name: insert_act
INSERT INTO admission_act (id, province_id, institution_id, actor_id, kind, acted_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: insert_item
INSERT INTO admission_act_item (act_id, account_id, registration_id, move_id, department_id)
VALUES ($1, $2, $3, $4, $5)

-- name: lock_optional_act
SELECT id, kind, acted_at, undone_at FROM admission_act
WHERE id = $1 AND institution_id = $2 AND province_id = $3
FOR UPDATE

-- name: select_items
SELECT i.account_id, i.registration_id, i.move_id, i.department_id, p.name
FROM admission_act_item i JOIN account p ON p.id = i.account_id
WHERE i.act_id = $1
ORDER BY i.account_id

-- name: update_act_undone
UPDATE admission_act SET undone_at = $2 WHERE id = $1

-- name: select_optional_newest_act
-- Of this person at this institution, since then, if it wasn't undone: with how many it was done.
SELECT a.id, a.kind, a.acted_at, count(i.*) AS physicians, min(p.name) AS name
FROM (
    SELECT id, kind, acted_at, undone_at FROM admission_act
    WHERE actor_id = $1 AND institution_id = $2 AND acted_at > $3
    ORDER BY id DESC
    LIMIT 1
) a
JOIN admission_act_item i ON i.act_id = a.id
JOIN account p ON p.id = i.account_id
WHERE a.undone_at IS NULL
GROUP BY a.id, a.kind, a.acted_at
