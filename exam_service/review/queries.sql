-- name: select_attempts
-- A page of one body's attempts, the newest first, from below the cursor.
SELECT a.id, a.account_id, p.name, i.name AS institution, a.subject, a.cycle_id, a.ordinal, a.state,
       a.admitted_at, a.deadline, a.handed_in_at, a.closed_at, a.mark, a.passed,
       a.state = 'marked' AND a.rule ->> 'confirmation' = 'body' AS awaits_confirmation
FROM attempt a
JOIN account p ON p.id = a.account_id
JOIN institution i ON i.id = a.institution_id
WHERE a.province_id = $1 AND a.body_id = $2 AND a.admitted_at IS NOT NULL
  AND (NOT $3 OR (a.state = 'marked' AND a.rule ->> 'confirmation' = 'body'))
  AND ($4::uuid IS NULL OR a.id < $4)
ORDER BY a.id DESC
LIMIT $5

-- name: count_attempts
SELECT count(*) AS all,
       count(*) FILTER (WHERE state = 'marked' AND rule ->> 'confirmation' = 'body') AS awaiting
FROM attempt
WHERE province_id = $1 AND body_id = $2 AND admitted_at IS NOT NULL

-- name: select_person
SELECT p.name, i.name AS institution
FROM account p, institution i
WHERE p.id = $1 AND i.id = $2 AND p.province_id = $3

-- name: select_optional_decision
SELECT d.passed, d.note, s.name AS decided_by, d.decided_at
FROM decision d JOIN account s ON s.id = d.decided_by
WHERE d.attempt_id = $1 AND d.province_id = $2

-- name: insert_decision
INSERT INTO decision (id, province_id, attempt_id, passed, note, decided_by, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: lock_attempt
-- Findings are judged and attempts decided one after the other.
SELECT id FROM attempt WHERE id = $1 AND province_id = $2 FOR UPDATE

-- name: select_finding_reviews
SELECT r.kind, r.began_at, r.verdict, r.note, s.name AS reviewed_by, r.reviewed_at
FROM finding_review r JOIN account s ON s.id = r.reviewed_by
WHERE r.attempt_id = $1 AND r.province_id = $2
ORDER BY r.id

-- name: insert_finding_review
INSERT INTO finding_review (id, province_id, attempt_id, kind, began_at, verdict, note, reviewed_by, reviewed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
