-- name: plan_afresh
-- A list has many filters of which few are used: each time a plan for those, until the transaction ends.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: select_listed
-- A page of what was submitted, in order of submission. $3 is the one state, or $4 are some. $10: born after,
-- $11: born up to. $16, $17: after this place.
SELECT r.id, r.account_id, a.name, i.name AS institution, d.name AS department, e.born_on, r.category, r.level,
       e.licensed_on, e.first_registered_on, r.has_bad_records, r.procedure, r.state, r.result, r.submitted_at
FROM registration r
JOIN account a ON a.id = r.account_id
JOIN institution i ON i.id = r.institution_id
LEFT JOIN roster_entry e ON e.account_id = r.account_id
LEFT JOIN department d ON d.id = r.department_id
WHERE r.cycle_id = $1 AND r.province_id = $2 AND r.submitted_at IS NOT NULL
  AND ($3::text IS NULL OR r.state = $3) AND ($4::text[] IS NULL OR r.state = ANY($4))
  AND ($5::uuid IS NULL OR r.body_id = $5) AND ($6::uuid IS NULL OR r.institution_id = $6)
  AND ($7::uuid IS NULL OR r.institution_id = $7) AND ($8::uuid IS NULL OR r.department_id = $8)
  AND ($9::text IS NULL OR (a.province_id = $2 AND a.role = 'physician'
                            AND a.name COLLATE "C" >= $9 AND a.name COLLATE "C" < $9 || chr(1114111)))
  AND ($10::date IS NULL OR e.born_on > $10) AND ($11::date IS NULL OR e.born_on <= $11)
  AND ($12::text IS NULL OR r.category = $12) AND ($13::text IS NULL OR r.level = $13)
  AND ($14::boolean IS NULL OR r.has_bad_records = $14) AND ($15::text IS NULL OR r.procedure = $15)
  AND ($16::timestamptz IS NULL OR (r.submitted_at, r.id) > ($16, $17::uuid))
ORDER BY r.submitted_at, r.id
LIMIT $18

-- name: select_optional_previous
-- The one before in a list as select_listed gives it: $16, $17 is the place to look back from.
SELECT r.id
FROM registration r
JOIN account a ON a.id = r.account_id
LEFT JOIN roster_entry e ON e.account_id = r.account_id
WHERE r.cycle_id = $1 AND r.province_id = $2 AND r.submitted_at IS NOT NULL
  AND ($3::text IS NULL OR r.state = $3) AND ($4::text[] IS NULL OR r.state = ANY($4))
  AND ($5::uuid IS NULL OR r.body_id = $5) AND ($6::uuid IS NULL OR r.institution_id = $6)
  AND ($7::uuid IS NULL OR r.institution_id = $7) AND ($8::uuid IS NULL OR r.department_id = $8)
  AND ($9::text IS NULL OR (a.province_id = $2 AND a.role = 'physician'
                            AND a.name COLLATE "C" >= $9 AND a.name COLLATE "C" < $9 || chr(1114111)))
  AND ($10::date IS NULL OR e.born_on > $10) AND ($11::date IS NULL OR e.born_on <= $11)
  AND ($12::text IS NULL OR r.category = $12) AND ($13::text IS NULL OR r.level = $13)
  AND ($14::boolean IS NULL OR r.has_bad_records = $14) AND ($15::text IS NULL OR r.procedure = $15)
  AND (r.submitted_at, r.id) < ($16::timestamptz, $17::uuid)
ORDER BY r.submitted_at DESC, r.id DESC
LIMIT 1

-- name: select_optional_by_document
-- Who of those that submitted has this identity number.
SELECT r.id
FROM account a JOIN registration r ON r.account_id = a.id
WHERE a.province_id = $2 AND a.document_hash = ANY($1::bytea[]) AND r.cycle_id = $3 AND r.submitted_at IS NOT NULL
  AND ($4::uuid IS NULL OR r.body_id = $4) AND ($5::uuid IS NULL OR r.institution_id = $5)

-- name: count_awaiting
SELECT count(*) FROM registration
WHERE cycle_id = $1 AND province_id = $2 AND state = $3 AND submitted_at IS NOT NULL
  AND ($4::uuid IS NULL OR body_id = $4) AND ($5::uuid IS NULL OR institution_id = $5)

-- name: select_departments
-- Of an institution, for its filter.
SELECT id, name FROM department WHERE institution_id = $1 AND province_id = $2 ORDER BY name COLLATE "C", id

-- name: select_optional_institution
-- One that is in the cycle, of the body where there is one.
SELECT i.id, i.name
FROM cycle_institution c JOIN institution i ON i.id = c.institution_id
WHERE c.cycle_id = $1 AND c.institution_id = $2 AND c.province_id = $3 AND ($4::uuid IS NULL OR c.body_id = $4)

-- name: select_person
SELECT a.name, a.document_type, i.name AS institution, b.name AS body
FROM account a, institution i, body b
WHERE a.id = $1 AND i.id = $2 AND b.id = $3 AND a.province_id = $4

-- name: select_reviews
-- The newest first.
SELECT v.id, v.registration_id, v.level, v.decision, v.checklist, v.ratings, v.upheld, v.reason, v.marked,
       v.reviewer_id, p.name AS reviewer, COALESCE(p.institution_id, p.body_id) AS office, v.decided_at
FROM registration_review v JOIN account p ON p.id = v.reviewer_id
WHERE v.registration_id = $1 AND v.province_id = $2
ORDER BY v.id DESC

-- name: insert_review
INSERT INTO registration_review (id, registration_id, province_id, level, decision, checklist, ratings, upheld,
                                 reason, marked, reviewer_id, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: select_submission_id
-- What reviewers see.
SELECT id FROM registration_submission WHERE registration_id = $1 AND province_id = $2 ORDER BY id DESC LIMIT 1

-- name: select_progress
-- By institution of a cycle, those without a physician too. $3: of this body only; $4: the figure it is sorted
-- by, $5: 1 for the smallest first, -1 for the largest. $6, $7: after this place.
WITH counted AS (
    SELECT institution_id,
           count(*) FILTER (WHERE state <> 'not_admitted') AS total,
           count(*) FILTER (WHERE state IN ('admitted', 'draft')) AS unsubmitted,
           count(*) FILTER (WHERE state = 'institution_review') AS institution_review,
           count(*) FILTER (WHERE state = 'body_review') AS body_review,
           count(*) FILTER (WHERE state = 'returned') AS returned,
           count(*) FILTER (WHERE state IN ('registered', 'testing')) AS registered,
           count(*) FILTER (WHERE state = 'concluded') AS concluded
    FROM registration
    WHERE cycle_id = $1 AND province_id = $2 AND ($3::uuid IS NULL OR body_id = $3)
    GROUP BY institution_id
), figured AS (
    SELECT i.id, i.name, coalesce(total, 0) AS total, coalesce(unsubmitted, 0) AS unsubmitted,
           coalesce(institution_review, 0) AS institution_review, coalesce(body_review, 0) AS body_review,
           coalesce(returned, 0) AS returned, coalesce(registered, 0) AS registered,
           coalesce(concluded, 0) AS concluded,
           coalesce((registered + concluded) * 1000 / nullif(total, 0), 0) AS share
    FROM cycle_institution c
    JOIN institution i ON i.id = c.institution_id
    LEFT JOIN counted n ON n.institution_id = c.institution_id
    WHERE c.cycle_id = $1 AND c.province_id = $2 AND ($3::uuid IS NULL OR c.body_id = $3)
), keyed AS (
    SELECT *, $5::bigint * CASE $4::text
                 WHEN 'total' THEN total
                 WHEN 'unsubmitted' THEN unsubmitted
                 WHEN 'institution_review' THEN institution_review
                 WHEN 'body_review' THEN body_review
                 WHEN 'returned' THEN returned
                 WHEN 'registered' THEN registered
                 WHEN 'concluded' THEN concluded
                 ELSE share
             END AS key
    FROM figured
)
SELECT * FROM keyed
WHERE $6::bigint IS NULL OR (key, id) > ($6, $7::uuid)
ORDER BY key, id
LIMIT $8

-- name: select_progress_by_name
-- As select_progress, by name; counts only the institutions of the page.
WITH shown AS (
    SELECT i.id, i.name
    FROM cycle_institution c JOIN institution i ON i.id = c.institution_id
    WHERE c.cycle_id = $1 AND c.province_id = $2 AND ($3::uuid IS NULL OR c.body_id = $3)
      AND ($4::text IS NULL OR (i.name COLLATE "C", i.id) > ($4, $5::uuid))
    ORDER BY i.name COLLATE "C", i.id
    LIMIT $6
)
SELECT s.id, s.name,
       count(*) FILTER (WHERE state <> 'not_admitted') AS total,
       count(*) FILTER (WHERE state IN ('admitted', 'draft')) AS unsubmitted,
       count(*) FILTER (WHERE state = 'institution_review') AS institution_review,
       count(*) FILTER (WHERE state = 'body_review') AS body_review,
       count(*) FILTER (WHERE state = 'returned') AS returned,
       count(*) FILTER (WHERE state IN ('registered', 'testing')) AS registered,
       count(*) FILTER (WHERE state = 'concluded') AS concluded
FROM shown s
LEFT JOIN registration r ON r.institution_id = s.id AND r.cycle_id = $1 AND ($3::uuid IS NULL OR r.body_id = $3)
GROUP BY s.id, s.name
ORDER BY s.name COLLATE "C", s.id

-- name: select_progress_total
SELECT count(*) FILTER (WHERE state <> 'not_admitted') AS total,
       count(*) FILTER (WHERE state IN ('admitted', 'draft')) AS unsubmitted,
       count(*) FILTER (WHERE state = 'institution_review') AS institution_review,
       count(*) FILTER (WHERE state = 'body_review') AS body_review,
       count(*) FILTER (WHERE state = 'returned') AS returned,
       count(*) FILTER (WHERE state IN ('registered', 'testing')) AS registered,
       count(*) FILTER (WHERE state = 'concluded') AS concluded
FROM registration
WHERE cycle_id = $1 AND province_id = $2
  AND ($3::uuid IS NULL OR body_id = $3) AND ($4::uuid IS NULL OR institution_id = $4)

-- name: select_progress_of_departments
-- Of one institution; who has submitted nothing yet is counted where the roster has them.
SELECT d.id, d.name,
       count(*) FILTER (WHERE state <> 'not_admitted') AS total,
       count(*) FILTER (WHERE state IN ('admitted', 'draft')) AS unsubmitted,
       count(*) FILTER (WHERE state = 'institution_review') AS institution_review,
       count(*) FILTER (WHERE state = 'body_review') AS body_review,
       count(*) FILTER (WHERE state = 'returned') AS returned,
       count(*) FILTER (WHERE state IN ('registered', 'testing')) AS registered,
       count(*) FILTER (WHERE state = 'concluded') AS concluded
FROM registration r
LEFT JOIN roster_entry e ON e.account_id = r.account_id
LEFT JOIN department d ON d.id = coalesce(r.department_id, e.department_id)
WHERE r.cycle_id = $1 AND r.province_id = $2 AND r.institution_id = $3
GROUP BY d.id, d.name
ORDER BY d.name COLLATE "C" NULLS LAST, d.id

-- name: select_facts
-- Of many registrations at once, what the rule of the uncontested asks: the newest submission and the roster's days.
SELECT r.id, r.account_id, s.id AS submission_id, s.content, s.submitted_at, r.has_bad_records,
       e.first_registered_on, e.licensed_on
FROM registration r
LEFT JOIN roster_entry e ON e.account_id = r.account_id
CROSS JOIN LATERAL (SELECT id, content, submitted_at FROM registration_submission
                    WHERE registration_id = r.id ORDER BY id DESC LIMIT 1) s
WHERE r.id = ANY($1::uuid[]) AND r.province_id = $2

-- name: select_pictures
-- Their photos and licences, with what a worker found.
SELECT registration_id, slot, state
FROM registration_upload
WHERE registration_id = ANY($1::uuid[]) AND removed_at IS NULL AND slot IN ('photo', 'licence')

-- name: select_reviews_of_many
-- The newest first.
SELECT v.id, v.registration_id, v.level, v.decision, v.checklist, v.ratings, v.upheld, v.reason, v.marked,
       v.reviewer_id, p.name AS reviewer, COALESCE(p.institution_id, p.body_id) AS office, v.decided_at
FROM registration_review v JOIN account p ON p.id = v.reviewer_id
WHERE v.registration_id = ANY($1::uuid[]) AND v.province_id = $2
ORDER BY v.id DESC

-- name: select_recent
-- What a reviewer decided since $3 and is still the newest word, the newest first.
SELECT v.id, v.registration_id, v.level, v.decision, v.checklist, v.ratings, v.upheld, v.reason, v.marked,
       v.reviewer_id, p.name AS reviewer, COALESCE(p.institution_id, p.body_id) AS office, v.decided_at, r.state, a.name, i.name AS institution
FROM registration_review v
JOIN account p ON p.id = v.reviewer_id
JOIN registration r ON r.id = v.registration_id
JOIN account a ON a.id = r.account_id
JOIN institution i ON i.id = r.institution_id
WHERE v.reviewer_id = $1 AND v.province_id = $2 AND v.decided_at > $3 AND v.decision <> 'undone'
  AND NOT EXISTS (SELECT FROM registration_review n WHERE n.registration_id = v.registration_id AND n.id > v.id)
ORDER BY v.id DESC
LIMIT $4
