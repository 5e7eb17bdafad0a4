-- name: insert_application
-- Nothing when one is open or granted already.
INSERT INTO exemption_application (id, registration_id, province_id, subject, conditions, statement, applied_at,
                                   state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
RETURNING id

-- name: select_optional_application
SELECT id, province_id, registration_id, subject, conditions, statement, applied_at, state, withdrawn_at
FROM exemption_application
WHERE id = $1 AND province_id = $2

-- name: lock_optional_application
SELECT id, province_id, registration_id, subject, conditions, statement, applied_at, state, withdrawn_at
FROM exemption_application
WHERE id = $1 AND province_id = $2
FOR NO KEY UPDATE

-- name: select_applications
-- Of one registration, the newest first.
SELECT id, province_id, registration_id, subject, conditions, statement, applied_at, state, withdrawn_at
FROM exemption_application
WHERE registration_id = $1 AND province_id = $2
ORDER BY id DESC

-- name: select_decisions
SELECT d.application_id, d.level, d.granted, d.reason, s.name AS decided_by, d.decided_at
FROM exemption_decision d JOIN account s ON s.id = d.decided_by
WHERE d.application_id = ANY($1::uuid[])
ORDER BY d.id

-- name: update_state
UPDATE exemption_application SET state = $2 WHERE id = $1

-- name: update_withdrawn
UPDATE exemption_application SET withdrawn_at = $2 WHERE id = $1

-- name: insert_decision
INSERT INTO exemption_decision (id, application_id, province_id, level, granted, reason, decided_by, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: select_waiting
-- What a level of this institution or body has to decide, the oldest first, from behind the cursor. Who left the
-- cycle or is through with it waits for nothing.
SELECT a.id, a.registration_id, r.account_id, r.cycle_id, p.name, i.name AS institution, a.subject, a.applied_at,
       a.state, NULL::timestamptz AS decided_at, a.id AS cursor
FROM exemption_application a
JOIN registration r ON r.id = a.registration_id
JOIN account p ON p.id = r.account_id
JOIN institution i ON i.id = r.institution_id
WHERE a.province_id = $1 AND ($2::uuid IS NULL OR r.institution_id = $2) AND ($3::uuid IS NULL OR r.body_id = $3)
  AND a.state = $4 AND a.state IN ('institution', 'body') AND r.state NOT IN ('not_admitted', 'concluded')
  AND ($5 = '' OR strpos(p.name, $5) > 0) AND ($6::bytea IS NULL OR p.document_hash = $6)
  AND ($7 = '' OR a.subject = $7) AND ($8::uuid IS NULL OR a.id > $8)
ORDER BY a.id
LIMIT $9

-- name: count_waiting
SELECT count(*)
FROM exemption_application a
JOIN registration r ON r.id = a.registration_id
WHERE a.province_id = $1 AND ($2::uuid IS NULL OR r.institution_id = $2) AND ($3::uuid IS NULL OR r.body_id = $3)
  AND a.state = $4 AND a.state IN ('institution', 'body') AND r.state NOT IN ('not_admitted', 'concluded')

-- name: select_decided
-- What a level of this institution or body has decided, the newest decision first; the cursor is a decision's id.
SELECT a.id, a.registration_id, r.account_id, r.cycle_id, p.name, i.name AS institution, a.subject, a.applied_at,
       a.state, d.decided_at, d.id AS cursor
FROM exemption_decision d
JOIN exemption_application a ON a.id = d.application_id
JOIN registration r ON r.id = a.registration_id
JOIN account p ON p.id = r.account_id
JOIN institution i ON i.id = r.institution_id
WHERE d.province_id = $1 AND ($2::uuid IS NULL OR r.institution_id = $2) AND ($3::uuid IS NULL OR r.body_id = $3)
  AND d.level = $4
  AND ($5 = '' OR strpos(p.name, $5) > 0) AND ($6::bytea IS NULL OR p.document_hash = $6)
  AND ($7 = '' OR a.subject = $7) AND ($8::uuid IS NULL OR d.id < $8)
ORDER BY d.id DESC
LIMIT $9


-- name: select_person
SELECT p.name, i.name AS institution
FROM registration r JOIN account p ON p.id = r.account_id JOIN institution i ON i.id = r.institution_id
WHERE r.id = $1
