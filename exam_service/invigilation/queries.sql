-- name: select_sessions
-- Cycles of the province in which this body may have somebody at a paper today ($3).
SELECT c.id AS cycle_id, $3 BETWEEN c.tests_from AND c.tests_until AS whole,
       (SELECT m.id FROM makeup_round m
        WHERE m.cycle_id = c.id AND m.body_id = $2 AND $3 BETWEEN m.opens AND m.closes
        ORDER BY m.opens DESC LIMIT 1) AS round_id,
       EXISTS (SELECT FROM attempt a
               WHERE a.cycle_id = c.id AND a.province_id = $1 AND a.body_id = $2
                   AND a.state IN ('admitted', 'running', 'closing')) AS being_sat
FROM cycle c
WHERE c.province_id = $1
ORDER BY c.id

-- name: select_listed
-- A page of one body's papers, in order of registration and subject, from behind the cursor. $3 to $7: the papers
-- that may be sat (see SeatingPlan); $8: who was last seen before is away; $9: a pattern for names; $10: standings;
-- $11: only what waits for staff; $15: a check that was passed before holds no longer. The newest attempt counts, but for a make-up round only its own.
SELECT r.id AS registration_id, w.subject, r.cycle_id, r.account_id, p.name, i.name AS institution,
       f.attempt_id, CASE WHEN a.is_present THEN a.ordinal END AS ordinal, f.standing, a.deadline, f.last_seen,
       a.total, f.request_of, f.awaits_second, f.identity_waits
FROM registration r
JOIN unnest($3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::uuid[])
    AS w (cycle_id, procedure, subject, whole, round_id) ON w.cycle_id = r.cycle_id AND w.procedure = r.procedure
JOIN account p ON p.id = r.account_id
JOIN institution i ON i.id = r.institution_id
LEFT JOIN LATERAL (
    SELECT t.*, t.state IN ('admitted', 'running', 'closing') AS is_sat,
           w.whole OR t.state IN ('admitted', 'running', 'closing') OR t.round_id = w.round_id AS is_present
    FROM attempt t
    WHERE t.registration_id = r.id AND t.subject = w.subject AND t.state <> 'void'
    ORDER BY t.ordinal DESC LIMIT 1
) a ON TRUE
LEFT JOIN presence s ON s.attempt_id = a.id
CROSS JOIN LATERAL (
    SELECT CASE WHEN a.is_present THEN a.id END AS attempt_id, coalesce(s.seen_at, a.admitted_at) AS last_seen,
           attempt_standing(CASE WHEN a.is_present THEN a.state END,
                            CASE WHEN a.checked_at > $15 THEN a.checked_at END,
                            coalesce(s.seen_at, a.admitted_at), $8) AS standing,
           (SELECT q.attempt_id FROM time_request q JOIN attempt x ON x.id = q.attempt_id
            WHERE x.registration_id = r.id AND x.subject = w.subject AND q.state = 'open' LIMIT 1) AS request_of,
           a.is_sat IS TRUE
               AND EXISTS (SELECT FROM termination t WHERE t.attempt_id = a.id AND t.state = 'open') AS awaits_second,
           (SELECT c.id FROM identity_check c
            WHERE c.registration_id = r.id AND c.attempt_id = a.id AND c.state = 'waiting'
            LIMIT 1) AS identity_waits
) f
WHERE r.province_id = $1 AND r.body_id = $2
    AND (r.state IN ('registered', 'testing') OR a.id IS NOT NULL)
    AND NOT EXISTS (SELECT FROM exemption e WHERE e.registration_id = r.id AND e.subject = w.subject)
    AND (w.whole OR a.is_sat OR (w.round_id IS NOT NULL AND a.id IS NOT NULL
         AND (a.round_id = w.round_id OR (a.passed IS NOT TRUE AND a.state IN ('marked', 'confirmed', 'terminated')))))
    AND ($9::text IS NULL OR p.name LIKE $9)
    AND ($10::text[] IS NULL OR f.standing = ANY($10))
    AND (NOT $11 OR f.request_of IS NOT NULL OR f.awaits_second OR f.identity_waits IS NOT NULL)
    AND ($12::uuid IS NULL OR (r.id, w.subject) > ($12, $13::text))
ORDER BY r.id, w.subject
LIMIT $14

-- name: count_listed
-- As select_listed, by standing; $9: a pattern for names; $10: a check that was passed before holds no longer.
SELECT f.standing, count(*) AS papers, count(*) FILTER (WHERE f.needs_staff) AS attention
FROM registration r
JOIN unnest($3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::uuid[])
    AS w (cycle_id, procedure, subject, whole, round_id) ON w.cycle_id = r.cycle_id AND w.procedure = r.procedure
JOIN account p ON p.id = r.account_id
LEFT JOIN LATERAL (
    SELECT t.*, t.state IN ('admitted', 'running', 'closing') AS is_sat,
           w.whole OR t.state IN ('admitted', 'running', 'closing') OR t.round_id = w.round_id AS is_present
    FROM attempt t
    WHERE t.registration_id = r.id AND t.subject = w.subject AND t.state <> 'void'
    ORDER BY t.ordinal DESC LIMIT 1
) a ON TRUE
LEFT JOIN presence s ON s.attempt_id = a.id
CROSS JOIN LATERAL (
    SELECT attempt_standing(CASE WHEN a.is_present THEN a.state END,
                            CASE WHEN a.checked_at > $10 THEN a.checked_at END,
                            coalesce(s.seen_at, a.admitted_at), $8) AS standing,
           EXISTS (SELECT FROM time_request q JOIN attempt x ON x.id = q.attempt_id
                   WHERE x.registration_id = r.id AND x.subject = w.subject AND q.state = 'open')
               OR (a.is_sat IS TRUE AND EXISTS (SELECT FROM termination t
                                                WHERE t.attempt_id = a.id AND t.state = 'open'))
               OR EXISTS (SELECT FROM identity_check c
                          WHERE c.registration_id = r.id AND c.attempt_id = a.id AND c.state = 'waiting') AS needs_staff
) f
WHERE r.province_id = $1 AND r.body_id = $2
    AND (r.state IN ('registered', 'testing') OR a.id IS NOT NULL)
    AND NOT EXISTS (SELECT FROM exemption e WHERE e.registration_id = r.id AND e.subject = w.subject)
    AND (w.whole OR a.is_sat OR (w.round_id IS NOT NULL AND a.id IS NOT NULL
         AND (a.round_id = w.round_id OR (a.passed IS NOT TRUE AND a.state IN ('marked', 'confirmed', 'terminated')))))
    AND ($9::text IS NULL OR p.name LIKE $9)
GROUP BY f.standing

-- name: count_answers
-- Items that have an answer now, by attempt.
SELECT attempt_id, count(*) AS answered
FROM answer WHERE attempt_id = ANY($1::uuid[]) AND option_id IS NOT NULL
GROUP BY attempt_id

-- name: select_person
SELECT p.name, i.name AS institution
FROM account p, institution i
WHERE p.id = $1 AND i.id = $2 AND p.province_id = $3

-- name: select_watch
-- What the single page shows of an attempt beside the attempt itself.
SELECT attempt_standing(a.state, CASE WHEN a.checked_at > $3 THEN a.checked_at END,
                        coalesce(s.seen_at, a.admitted_at), $2) AS standing,
       coalesce(s.seen_at, a.admitted_at) AS last_seen,
       (SELECT count(*) FROM answer n WHERE n.attempt_id = a.id AND n.option_id IS NOT NULL) AS answered,
       (SELECT count(*) FROM answer_event e WHERE e.attempt_id = a.id AND NOT e.counted) AS late,
       (SELECT count(*) FROM answer_acceptance c WHERE c.attempt_id = a.id) AS accepted,
       (SELECT q.closed_at FROM attempt_receipt q WHERE q.attempt_id = a.id) AS signed_at
FROM attempt a LEFT JOIN presence s ON s.attempt_id = a.id
WHERE a.id = $1

-- name: select_timeline
-- Everything that happened to an attempt ($1) of a body ($2), in order.
SELECT h.at, h.what, h.detail, h.words, h.amount, h.until, p.name AS by
FROM (
    SELECT at, 'moved' AS what, to_state AS detail, cause AS words, NULL::integer AS amount,
           NULL::timestamptz AS until, actor_id, id::text AS tie
    FROM attempt_move WHERE attempt_id = $1
    UNION ALL
    SELECT granted_at, 'credit', kind, reason, seconds, NULL, granted_by, id::text
    FROM time_credit WHERE attempt_id = $1
    UNION ALL
    SELECT began_at, 'silence', '', '', NULL, ended_at, NULL, ''
    FROM presence_gap WHERE attempt_id = $1
    UNION ALL
    SELECT allowed_at, 'takeover', CASE WHEN verified THEN 'verified' ELSE 'unverified' END, '', NULL, NULL, NULL, ''
    FROM takeover WHERE attempt_id = $1
    UNION ALL
    SELECT n.sent_at, 'notice', CASE WHEN n.attempt_id IS NULL THEN 'all' ELSE 'one' END, n.text, NULL,
           k.acknowledged_at, n.sent_by, n.id::text
    FROM notice n JOIN attempt a ON a.id = $1 LEFT JOIN notice_ack k ON k.notice_id = n.id AND k.attempt_id = $1
    WHERE n.body_id = $2 AND n.sent_at >= a.admitted_at AND (n.attempt_id = $1 OR n.attempt_id IS NULL)
        AND (a.closed_at IS NULL OR n.sent_at <= a.closed_at)
    UNION ALL
    SELECT requested_at, 'termination', 'requested', reason, NULL, NULL, requested_by, id::text
    FROM termination WHERE attempt_id = $1
    UNION ALL
    SELECT decided_at, 'termination', 'withdrawn', '', NULL, NULL, decided_by, id::text
    FROM termination WHERE attempt_id = $1 AND state = 'withdrawn'
    UNION ALL
    SELECT requested_at, 'request', 'opened', reason, NULL, NULL, NULL, id::text
    FROM time_request WHERE attempt_id = $1
    UNION ALL
    SELECT decided_at, 'request', state, note, NULL, NULL, decided_by, id::text
    FROM time_request WHERE attempt_id = $1 AND state <> 'open'
    UNION ALL
    SELECT at, 'lease', '', facts ->> 'reason', NULL, NULL, actor_id, id::text
    FROM audit_entry WHERE subject_id = $1 AND action = 'lease.released'
    UNION ALL
    SELECT accepted_at, 'accepted', '', min(reason), count(*)::integer, NULL, accepted_by, ''
    FROM answer_acceptance WHERE attempt_id = $1
    GROUP BY accepted_at, accepted_by
    UNION ALL
    SELECT l.taken_at, 'taken', CASE WHEN l.epoch = 1 THEN 'first' WHEN l.device_hash = b.device_hash THEN 'again'
           ELSE 'other' END, '', NULL, NULL, NULL, l.epoch::text
    FROM lease l LEFT JOIN lease b ON b.attempt_id = l.attempt_id AND b.epoch = l.epoch - 1
    WHERE l.attempt_id = $1
    UNION ALL
    SELECT at, 'imported', '', '', (facts ->> 'opened')::integer, NULL, actor_id, id::text
    FROM audit_entry WHERE subject_id = $1 AND action = 'answers.imported'
    UNION ALL
    SELECT d.assigned_at, 'duty', CASE WHEN d.account_id IS NULL THEN 'none' WHEN d.account_id = d.assigned_by THEN 'own'
           ELSE 'given' END, concat_ws('：', p.name, nullif(d.note, '')), NULL, NULL, d.assigned_by, d.id::text
    FROM watch_duty d LEFT JOIN account p ON p.id = d.account_id AND d.account_id <> d.assigned_by
    WHERE d.attempt_id = $1
    UNION ALL
    SELECT written_at, 'note', '', text, NULL, NULL, written_by, id::text
    FROM watch_note WHERE attempt_id = $1
    UNION ALL
    SELECT opened_at, 'identity', purpose || CASE WHEN asked_by IS NULL THEN ' began' ELSE ' asked' END, asked_reason, NULL,
           NULL, asked_by, id::text
    FROM identity_check WHERE attempt_id = $1
    UNION ALL
    SELECT passed_at, 'identity', purpose || ' passed', '', NULL, NULL, NULL, id::text
    FROM identity_check WHERE attempt_id = $1 AND state = 'passed' AND passed_at IS NOT NULL
    UNION ALL
    SELECT decided_at, 'identity', purpose || ' ' || state, decision_reason, NULL, NULL, decided_by, id::text
    FROM identity_check WHERE attempt_id = $1 AND state IN ('accepted', 'refused') AND decided_at IS NOT NULL
) h
LEFT JOIN account p ON p.id = h.actor_id
ORDER BY h.at, h.tie

-- name: count_page_events
SELECT kind, count(*) AS events FROM page_event WHERE attempt_id = $1 GROUP BY kind ORDER BY kind

-- name: select_attempts_at
-- All attempts at a paper, with what waits for staff.
SELECT a.id, a.ordinal, a.state,
       EXISTS (SELECT FROM time_request q WHERE q.attempt_id = a.id AND q.state = 'open') AS has_request
FROM attempt a
WHERE a.registration_id = $1 AND a.subject = $2 AND a.province_id = $3
ORDER BY a.ordinal

-- name: select_overrides
SELECT o.subject, o.extra_minutes, o.reason, s.name AS granted_by, o.granted_at
FROM time_override o JOIN account s ON s.id = o.granted_by
WHERE o.registration_id = $1 AND o.province_id = $2

-- name: select_sittings
-- What a body ($2) has being sat, and who is at the identity check: a camera was there since $6, or a person is to
-- decide. $3: who was last seen before is away; $4: a check that was passed before holds no longer; $5: a pattern for
-- names; $7: only these. identity: the newest check of a kind that waits or was refused, waiting before refused.
SELECT a.id AS attempt_id, a.cycle_id, a.subject, a.ordinal, a.watched, p.name, i.name AS institution,
       attempt_standing(a.state, CASE WHEN a.checked_at > $4 THEN a.checked_at END,
                        coalesce(s.seen_at, a.admitted_at), $3) AS standing,
       a.deadline, coalesce(s.seen_at, a.admitted_at) AS last_seen, a.total,
       (SELECT count(*) FROM answer n WHERE n.attempt_id = a.id AND n.option_id IS NOT NULL) AS answered,
       EXISTS (SELECT FROM time_request q WHERE q.attempt_id = a.id AND q.state = 'open') AS has_request,
       EXISTS (SELECT FROM termination t WHERE t.attempt_id = a.id AND t.state = 'open') AS awaits_second,
       (SELECT max(c.state) FROM identity_check c
        WHERE c.registration_id = a.registration_id AND c.attempt_id = a.id AND c.state IN ('waiting', 'refused')
            AND (c.purpose = 'check') = (a.state = 'prepared')
            AND NOT EXISTS (SELECT FROM identity_check n
                            WHERE n.registration_id = c.registration_id AND n.attempt_id = c.attempt_id
                                AND n.purpose = c.purpose AND n.id > c.id)) AS identity,
       d.account_id AS duty_id, k.name AS duty, w.sent_at AS notice_at, w.acknowledged_at AS notice_read_at
FROM attempt a
JOIN account p ON p.id = a.account_id
JOIN institution i ON i.id = a.institution_id
LEFT JOIN presence s ON s.attempt_id = a.id
LEFT JOIN LATERAL (
    SELECT account_id FROM watch_duty WHERE attempt_id = a.id ORDER BY id DESC LIMIT 1
) d ON TRUE
LEFT JOIN account k ON k.id = d.account_id
LEFT JOIN LATERAL (
    SELECT n.sent_at, c.acknowledged_at
    FROM notice n LEFT JOIN notice_ack c ON c.notice_id = n.id AND c.attempt_id = a.id
    WHERE n.attempt_id = a.id ORDER BY n.sent_at DESC LIMIT 1
) w ON TRUE
WHERE a.province_id = $1 AND a.body_id = $2
    AND a.state IN ('prepared', 'admitted', 'running')
    AND (a.state <> 'prepared'
         OR EXISTS (SELECT FROM proctor_stream m WHERE m.attempt_id = a.id AND coalesce(m.closed_at, m.opened_at) > $6)
         OR EXISTS (SELECT FROM proctor_check c WHERE c.attempt_id = a.id AND c.received_at > $6)
         OR EXISTS (SELECT FROM identity_check c
                    WHERE c.registration_id = a.registration_id AND c.attempt_id = a.id AND c.state = 'waiting'))
    AND ($5::text IS NULL OR p.name LIKE $5)
    AND ($7::uuid[] IS NULL OR a.id = ANY($7))

-- name: select_optional_duty
SELECT d.account_id, p.name
FROM watch_duty d LEFT JOIN account p ON p.id = d.account_id
WHERE d.attempt_id = $1 ORDER BY d.id DESC LIMIT 1

-- name: insert_duty
INSERT INTO watch_duty (id, province_id, attempt_id, account_id, assigned_by, assigned_at, note)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: insert_note
INSERT INTO watch_note (id, province_id, attempt_id, text, written_by, written_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: select_colleagues
-- The staff of a body who may log in.
SELECT id, name FROM account WHERE province_id = $1 AND body_id = $2 AND role = 'body' AND disabled_at IS NULL
ORDER BY name, id
