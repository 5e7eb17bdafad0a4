-- name: select_physicians
-- A page of a province's physicians by name: those whose name begins so (from $2 to before $3).
SELECT a.id, a.name, i.name AS institution, r.state
FROM account a
    LEFT JOIN roster_entry e ON e.account_id = a.id
    LEFT JOIN institution i ON i.id = e.institution_id
    LEFT JOIN registration r ON r.account_id = a.id AND r.cycle_id = $4
WHERE a.province_id = $1 AND a.role = 'physician'
    AND a.name COLLATE "C" >= $2 AND a.name COLLATE "C" < $3
    AND (a.name COLLATE "C", a.id) > ($5, $6)
ORDER BY a.name COLLATE "C", a.id
LIMIT $7

-- name: select_physicians_by_document
SELECT a.id, a.name, i.name AS institution, r.state
FROM account a
    LEFT JOIN roster_entry e ON e.account_id = a.id
    LEFT JOIN institution i ON i.id = e.institution_id
    LEFT JOIN registration r ON r.account_id = a.id AND r.cycle_id = $3
WHERE a.province_id = $1 AND a.role = 'physician' AND a.document_hash = ANY($2::bytea[])
ORDER BY a.id

-- name: select_optional_physician
SELECT name FROM account WHERE id = $1 AND province_id = $2 AND role = 'physician'

-- name: insert_act
INSERT INTO registration_supervision (id, registration_id, province_id, act, from_institution_id, to_institution_id,
                                      reason, decided_by, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: select_acts
SELECT s.act, f.name AS from_institution, t.name AS to_institution, s.reason, a.name AS decided_by, s.decided_at
FROM registration_supervision s
    JOIN institution f ON f.id = s.from_institution_id
    LEFT JOIN institution t ON t.id = s.to_institution_id
    JOIN account a ON a.id = s.decided_by
WHERE s.registration_id = $1
ORDER BY s.id

-- name: update_bodies
-- Registrations go with their institutions, as long as no body has them before it.
UPDATE registration SET body_id = $4
WHERE cycle_id = $1 AND province_id = $2 AND institution_id = ANY($3::uuid[]) AND state = ANY($5::text[])
    AND body_id <> $4

-- name: select_places
-- Institutions whose name contains this, to be moved to: those in the cycle.
SELECT i.id, i.name
FROM institution i JOIN cycle_institution c ON c.institution_id = i.id AND c.cycle_id = $2
WHERE i.province_id = $1 AND strpos(i.name, $3) > 0
ORDER BY i.name COLLATE "C"
LIMIT $4
