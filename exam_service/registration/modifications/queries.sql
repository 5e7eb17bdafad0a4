-- name: insert_request
-- Nothing when one is open.
INSERT INTO modification_request (id, registration_id, province_id, changes, fields, reason, asked_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')
ON CONFLICT DO NOTHING
RETURNING id

-- name: select_optional_request
SELECT q.id, q.province_id, q.registration_id, q.changes, q.fields, q.reason, q.asked_at, q.state, q.decided_at,
       q.decision, q.withdrawn_at, s.name AS decided_by
FROM modification_request q LEFT JOIN account s ON s.id = q.decided_by
WHERE q.id = $1 AND q.province_id = $2

-- name: lock_request
SELECT id FROM modification_request WHERE id = $1 FOR NO KEY UPDATE

-- name: select_requests
-- Of one registration, the newest first.
SELECT q.id, q.province_id, q.registration_id, q.changes, q.fields, q.reason, q.asked_at, q.state, q.decided_at,
       q.decision, q.withdrawn_at, s.name AS decided_by
FROM modification_request q LEFT JOIN account s ON s.id = q.decided_by
WHERE q.registration_id = $1 AND q.province_id = $2
ORDER BY q.id DESC

-- name: update_decided
UPDATE modification_request SET state = $2, decision = $3, decided_by = $4, decided_at = $5 WHERE id = $1

-- name: update_withdrawn
UPDATE modification_request SET state = 'withdrawn', withdrawn_at = $2 WHERE id = $1

-- name: select_open
-- Of an institution, the oldest first, from behind the cursor.
SELECT q.id, q.fields, q.reason, q.asked_at, q.state, q.decided_at, r.account_id, r.cycle_id, p.name,
       d.name AS department
FROM modification_request q
JOIN registration r ON r.id = q.registration_id
JOIN account p ON p.id = r.account_id
LEFT JOIN department d ON d.id = r.department_id
WHERE q.province_id = $1 AND r.institution_id = $2 AND q.state = 'open' AND r.state IN ('registered', 'testing')
  AND ($3 = '' OR strpos(p.name, $3) > 0) AND ($4::bytea IS NULL OR p.document_hash = $4)
  AND ($5::uuid IS NULL OR q.id > $5)
ORDER BY q.id
LIMIT $6

-- name: count_open
SELECT count(*)
FROM modification_request q JOIN registration r ON r.id = q.registration_id
WHERE q.province_id = $1 AND r.institution_id = $2 AND q.state = 'open' AND r.state IN ('registered', 'testing')

-- name: select_decided
-- Of an institution, the newest request first, from below the cursor.
SELECT q.id, q.fields, q.reason, q.asked_at, q.state, q.decided_at, r.account_id, r.cycle_id, p.name,
       d.name AS department
FROM modification_request q
JOIN registration r ON r.id = q.registration_id
JOIN account p ON p.id = r.account_id
LEFT JOIN department d ON d.id = r.department_id
WHERE q.province_id = $1 AND r.institution_id = $2 AND q.state IN ('granted', 'refused')
  AND ($3 = '' OR strpos(p.name, $3) > 0) AND ($4::bytea IS NULL OR p.document_hash = $4)
  AND ($5::uuid IS NULL OR q.id < $5)
ORDER BY q.id DESC
LIMIT $6

-- name: select_person
SELECT name FROM account WHERE id = $1

-- name: select_optional_department
SELECT name FROM department WHERE id = $1
