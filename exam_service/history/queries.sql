-- name: select_person
SELECT p.name, i.name AS institution, r.created_at,
       (SELECT count(*) FROM registration_upload u WHERE u.registration_id = r.id AND u.removed_at IS NULL) AS uploads
FROM registration r JOIN account p ON p.id = r.account_id JOIN institution i ON i.id = r.institution_id
WHERE r.id = $1

-- name: select_transfers
-- Of a physician since $3.
SELECT f.name AS from_institution, i.name AS to_institution, t.reason, t.asked_at, a.name AS asked_by,
       t.state, t.decision, t.decided_at, d.name AS decided_by, d.role AS decider
FROM transfer t
JOIN institution i ON i.id = t.to_institution_id
JOIN account a ON a.id = t.asked_by
LEFT JOIN institution f ON f.id = t.from_institution_id
LEFT JOIN account d ON d.id = t.decided_by
WHERE t.account_id = $1 AND t.province_id = $2 AND t.asked_at >= $3
ORDER BY t.id

-- name: select_acts
-- What the journal has of these kinds, on a registration or its physician, since $4.
SELECT e.at, e.action, e.facts ->> 'reason' AS reason, p.name AS actor, p.role AS actor_role,
       i.name AS to_institution
FROM audit_entry e
LEFT JOIN account p ON p.id = e.actor_id
LEFT JOIN institution i ON i.id::text = e.facts ->> 'to'
WHERE e.province_id = $1 AND e.subject_id = ANY($2::uuid[]) AND e.action = ANY($3::text[]) AND e.at >= $4
ORDER BY e.id
