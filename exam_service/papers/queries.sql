-- name: insert_attempt
-- Nothing when one is open already: two starts at once make one attempt.
INSERT INTO attempt (id, province_id, registration_id, cycle_id, account_id, institution_id, body_id, subject,
                     ordinal, state, rule, notice_version, notice_accepted_at, total, round_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING
RETURNING id

-- name: insert_attempt_items
-- $3: the options of each item as an array's text, for they are not the same number everywhere.
INSERT INTO attempt_item (attempt_id, position, item_id, option_ids)
SELECT $1, i.position, i.item_id, i.options::uuid[]
FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS i (item_id, options, position)

-- name: update_notice
-- A paper that was prepared in the days of the tests may be begun in a make-up round.
UPDATE attempt SET notice_version = $2, notice_accepted_at = $3, round_id = $4 WHERE id = $1

-- name: select_earlier_papers
SELECT array_agg(i.item_id) AS items
FROM attempt a JOIN attempt_item i ON i.attempt_id = a.id
WHERE a.registration_id = $1 AND a.subject = $2
GROUP BY a.id

-- name: lock_optional_body
SELECT id FROM body WHERE id = $1 AND province_id = $2 FOR NO KEY UPDATE

-- name: insert_round
INSERT INTO makeup_round (id, province_id, cycle_id, body_id, opens, closes, opened_by, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: select_rounds
SELECT id, province_id, cycle_id, body_id, opens, closes
FROM makeup_round WHERE cycle_id = $1 AND body_id = $2 AND province_id = $3
ORDER BY opens

-- name: select_rounds_of_body
SELECT id, province_id, cycle_id, body_id, opens, closes
FROM makeup_round WHERE body_id = $1 AND province_id = $2
ORDER BY opens DESC

-- name: select_attempts
SELECT * FROM attempt WHERE registration_id = $1 AND province_id = $2 ORDER BY subject, ordinal

-- name: select_optional_attempt
SELECT * FROM attempt WHERE id = $1 AND province_id = $2

-- name: select_attempts_by_id
SELECT a.* FROM unnest($1::uuid[], $2::text[]) AS w (id, province_id) JOIN attempt a USING (id, province_id)

-- name: select_attempt_held
SELECT * FROM attempt WHERE id = $1

-- name: select_attempt_anywhere
-- For operators at the command line: of whichever province; nobody adds to its journal meanwhile.
SELECT * FROM attempt WHERE id = $1 FOR SHARE

-- name: lock_optional_attempt
SELECT * FROM attempt WHERE id = $1 AND province_id = $2 FOR NO KEY UPDATE

-- name: lock_optional_attempt_skipping
SELECT * FROM attempt WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED

-- name: update_state
UPDATE attempt SET state = $2 WHERE id = $1

-- name: insert_move
INSERT INTO attempt_move (id, attempt_id, province_id, from_state, to_state, cause, actor_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- admission

-- name: lock_attempts
-- In order of id.
SELECT * FROM attempt WHERE registration_id = $1 AND province_id = $2 ORDER BY id FOR NO KEY UPDATE

-- name: update_checked
UPDATE attempt SET checked_at = $2, device_hash = $3 WHERE id = $1

-- name: update_admitted
WITH moved AS (
    INSERT INTO attempt_move (id, attempt_id, province_id, from_state, to_state, cause, actor_id, at)
    VALUES ($2, $1, $3, $4, $5, $6, $7, $8)
)
UPDATE attempt SET state = $5, admitted_at = $8, deadline = $9, extra_minutes = $10, round_id = $11 WHERE id = $1

-- name: delete_drawn_paper
DELETE FROM drawn_paper WHERE registration_id = $1 AND subject = $2 AND ordinal = $3 RETURNING paper

-- name: insert_drawn_papers
INSERT INTO drawn_paper (registration_id, subject, ordinal, paper, drawn_at)
SELECT p.registration_id, p.subject, p.ordinal, p.paper::jsonb, $5
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[]) AS p (registration_id, subject, ordinal, paper)
ON CONFLICT DO NOTHING

-- name: select_drawn
SELECT registration_id, subject, ordinal FROM drawn_paper WHERE registration_id = ANY($1::uuid[])

-- name: select_moves_of
SELECT m.at, m.to_state, m.cause, m.attempt_id, p.name AS actor, p.role AS actor_role
FROM attempt a JOIN attempt_move m ON m.attempt_id = a.id LEFT JOIN account p ON p.id = m.actor_id
WHERE a.registration_id = $1 AND a.province_id = $2
ORDER BY m.id

-- name: select_attempts_of
SELECT * FROM attempt
WHERE registration_id = ANY($1::uuid[]) AND province_id = $2
ORDER BY registration_id, subject, ordinal

-- name: select_earlier_papers_of
SELECT a.registration_id, a.subject, array_agg(i.item_id) AS items
FROM attempt a JOIN attempt_item i ON i.attempt_id = a.id
WHERE a.registration_id = ANY($1::uuid[])
GROUP BY a.id


-- name: update_lease
WITH taken AS (
    INSERT INTO lease (attempt_id, epoch, device_hash, taken_at) VALUES ($1, $2, $3, $4)
)
UPDATE attempt SET lease_epoch = $2, device_hash = $3 WHERE id = $1

-- name: update_closed
UPDATE attempt SET closed_at = $2, handed_in_at = $3 WHERE id = $1

-- name: update_marked
UPDATE attempt SET correct = $2, mark = $3, passed = $4 WHERE id = $1

-- name: update_passed
UPDATE attempt SET passed = $2 WHERE id = $1

-- name: select_paper
SELECT item_id, option_ids FROM attempt_item WHERE attempt_id = $1 ORDER BY position

-- name: lock_for_answers
-- In order of id, as everybody who holds several: two batches never wait for each other in a circle.
-- Who is held by somebody else is left for the next batch: one attempt must not stop all the others.
SELECT id, account_id, state, deadline, lease_epoch, device_hash, receipt_count, receipt_head
FROM attempt WHERE id = ANY($1::uuid[])
ORDER BY id
FOR NO KEY UPDATE SKIP LOCKED

-- name: select_grounds
-- OFFSET 0 keeps each look-up by its key, whatever the planner believes of the sizes of the tables.
SELECT u.attempt_id, i.option_ids, e.epoch, e.seq, e.item_id, e.option_id, e.client_time, e.number, e.received_at,
       e.counted, e.source, e.receipt, a.epoch AS answer_epoch, a.seq AS answer_seq, l.device_hash
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::uuid[]) WITH ORDINALITY
     AS u (attempt_id, epoch, seq, item_id, place)
LEFT JOIN LATERAL (
    SELECT option_ids FROM attempt_item WHERE attempt_id = u.attempt_id AND item_id = u.item_id OFFSET 0
) i ON TRUE
LEFT JOIN LATERAL (
    SELECT * FROM answer_event WHERE attempt_id = u.attempt_id AND epoch = u.epoch AND seq = u.seq OFFSET 0
) e ON TRUE
LEFT JOIN LATERAL (
    SELECT epoch, seq FROM answer WHERE attempt_id = u.attempt_id AND item_id = u.item_id OFFSET 0
) a ON TRUE
LEFT JOIN LATERAL (
    SELECT device_hash FROM lease WHERE attempt_id = u.attempt_id AND epoch = u.epoch OFFSET 0
) l ON TRUE
ORDER BY u.place

-- name: select_known
SELECT id FROM attempt WHERE id = ANY($1::uuid[])

-- name: insert_answers
WITH journaled AS (
    INSERT INTO answer_event (attempt_id, number, epoch, seq, item_id, option_id, client_time, received_at, counted,
                              source, receipt)
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::uuid[], $6::uuid[],
                         $7::timestamptz[], $8::timestamptz[], $9::boolean[], $10::text[], $11::bytea[])
), standing AS (
    INSERT INTO answer AS a (attempt_id, item_id, option_id, epoch, seq)
    SELECT * FROM unnest($12::uuid[], $13::uuid[], $14::uuid[], $15::integer[], $16::integer[])
    ON CONFLICT (attempt_id, item_id) DO UPDATE
    SET option_id = excluded.option_id, epoch = excluded.epoch, seq = excluded.seq
    WHERE (a.epoch, a.seq) < (excluded.epoch, excluded.seq)
)
UPDATE attempt SET receipt_count = r.number, receipt_head = r.digest
FROM unnest($17::uuid[], $18::integer[], $19::bytea[]) AS r (id, number, digest)
WHERE attempt.id = r.id

-- name: upsert_answers
-- An older event never replaces a newer one, whatever order they arrive in.
INSERT INTO answer AS a (attempt_id, item_id, option_id, epoch, seq)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::integer[])
ON CONFLICT (attempt_id, item_id) DO UPDATE
SET option_id = excluded.option_id, epoch = excluded.epoch, seq = excluded.seq
WHERE (a.epoch, a.seq) < (excluded.epoch, excluded.seq)

-- name: select_journal
SELECT attempt_id, number, epoch, seq, item_id, option_id, client_time, received_at, counted, source, receipt
FROM answer_event WHERE attempt_id = $1 ORDER BY number

-- name: select_accepted
SELECT number FROM answer_acceptance WHERE attempt_id = $1

-- name: insert_acceptances
INSERT INTO answer_acceptance (attempt_id, number, reason, accepted_by, accepted_at)
SELECT $1, number, $3, $4, $5 FROM unnest($2::integer[]) AS number

-- name: insert_attempt_receipt
-- Closed again (late answers were accepted): the first signature stands, for the chain only grows.
INSERT INTO attempt_receipt (attempt_id, count, head, closed_at, signature)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (attempt_id) DO NOTHING

-- name: select_optional_attempt_receipt
SELECT count, head, closed_at, signature FROM attempt_receipt WHERE attempt_id = $1

-- name: select_answers
SELECT item_id, option_id FROM answer WHERE attempt_id = $1

-- name: upsert_presences
-- Who was last heard before $4 leaves a gap, in the same statement. In order of id: of two processes one waits.
WITH heard AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[]) AS h (attempt_id, epoch) ORDER BY attempt_id
), gap AS (
    INSERT INTO presence_gap (attempt_id, began_at, ended_at)
    SELECT attempt_id, p.seen_at, $3 FROM heard JOIN presence p USING (attempt_id) WHERE p.seen_at < $4
    ON CONFLICT DO NOTHING
)
INSERT INTO presence (attempt_id, seen_at, epoch) SELECT attempt_id, $3, epoch FROM heard ORDER BY attempt_id
ON CONFLICT (attempt_id) DO UPDATE SET seen_at = excluded.seen_at, epoch = excluded.epoch

-- name: insert_page_events
INSERT INTO page_event (id, attempt_id, epoch, kind, client_time, received_at)
SELECT e.id, $1, $2, e.kind, e.client_time, $6
FROM unnest($3::uuid[], $4::text[], $5::timestamptz[]) AS e (id, kind, client_time)
WHERE (SELECT count(*) FROM page_event WHERE attempt_id = $1) < $7

-- name: update_deadline
UPDATE attempt SET deadline = $2 WHERE id = $1

-- name: insert_credit
INSERT INTO time_credit (id, province_id, attempt_id, kind, seconds, outage_id, request_id, reason, granted_by,
                         granted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (attempt_id, outage_id) DO NOTHING
RETURNING id

-- name: lock_optional_pulse
SELECT at FROM service_pulse FOR UPDATE

-- name: select_optional_pulse
SELECT at FROM service_pulse

-- name: upsert_pulse
INSERT INTO service_pulse (at) VALUES ($1)
ON CONFLICT (only_row) DO UPDATE SET at = greatest(service_pulse.at, excluded.at)

-- name: insert_outage
INSERT INTO outage (id, began_at, ended_at) VALUES ($1, $2, $3)

-- name: select_uncredited
SELECT o.id AS outage_id, o.began_at, o.ended_at, a.id AS attempt_id
FROM outage o
JOIN attempt a ON a.state IN ('admitted', 'running', 'closing')
    AND a.admitted_at < o.ended_at AND a.deadline + $2 > o.began_at
WHERE o.ended_at > $1
    AND NOT EXISTS (SELECT FROM time_credit c WHERE c.attempt_id = a.id
                    AND (c.outage_id = o.id OR (c.kind <> 'outage' AND c.granted_at >= o.ended_at)))
ORDER BY o.began_at, a.id
LIMIT $3

-- name: select_outages_of
-- Those that hit an attempt and are not credited yet, the oldest first. One that was over when somebody added time
-- had been judged by then.
SELECT o.id, o.began_at, o.ended_at
FROM outage o
WHERE o.ended_at > $2 AND o.began_at < $3
    AND NOT EXISTS (SELECT FROM time_credit c WHERE c.attempt_id = $1
                    AND (c.outage_id = o.id OR (c.kind <> 'outage' AND c.granted_at >= o.ended_at)))
ORDER BY o.began_at

-- name: select_due
SELECT id FROM attempt
WHERE (state IN ('admitted', 'running') AND deadline <= $1) OR (state = 'closing' AND deadline <= $2)
ORDER BY id
LIMIT $3

-- name: select_unmarked
SELECT id FROM attempt WHERE state = 'closed' ORDER BY id LIMIT $1

-- oversight

-- name: release_device
UPDATE attempt SET device_hash = NULL WHERE id = $1

-- name: insert_termination
-- Nothing when one is open already.
INSERT INTO termination (id, province_id, attempt_id, reason, requested_by, requested_at, state)
VALUES ($1, $2, $3, $4, $5, $6, 'open')
ON CONFLICT (attempt_id) WHERE state = 'open' DO NOTHING
RETURNING id

-- name: select_optional_termination
-- The one that waits for its second person. Held by holding the attempt.
SELECT t.id, t.attempt_id, t.reason, t.requested_by, s.name AS requested_by_name, t.requested_at
FROM termination t JOIN account s ON s.id = t.requested_by
WHERE t.attempt_id = $1 AND t.state = 'open'

-- name: update_termination
UPDATE termination SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1

-- name: insert_notice
INSERT INTO notice (id, province_id, body_id, attempt_id, text, sent_by, sent_at) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: select_notices
-- Of each attempt the newest of what was said to it, or to all of its body, since it was admitted.
SELECT a.attempt_id AS listed_for, n.*,
       EXISTS (SELECT FROM notice_ack k WHERE k.notice_id = n.id AND k.attempt_id = a.attempt_id) AS acknowledged
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS a (attempt_id, body_id, admitted_at)
CROSS JOIN LATERAL (
    SELECT id, text, sent_at, attempt_id IS NULL AS to_all
    FROM notice
    WHERE body_id = a.body_id AND sent_at >= a.admitted_at
        AND (notice.attempt_id = a.attempt_id OR notice.attempt_id IS NULL)
    ORDER BY sent_at DESC, id DESC
    LIMIT $4
) AS n
ORDER BY n.sent_at, n.id

-- name: select_being_sat
SELECT id FROM attempt
WHERE province_id = $1 AND body_id = $2 AND state IN ('admitted', 'running', 'closing')

-- name: insert_time_request
-- Nothing when one is open already.
INSERT INTO time_request (id, province_id, attempt_id, began_at, ended_at, reason, requested_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')
ON CONFLICT (attempt_id) WHERE state = 'open' DO NOTHING
RETURNING id

-- name: select_time_requests
SELECT q.id, q.attempt_id, q.began_at, q.ended_at, q.reason, q.requested_at, q.state, s.name AS decided_by,
       q.decided_at, q.note
FROM time_request q LEFT JOIN account s ON s.id = q.decided_by
WHERE q.attempt_id = $1
ORDER BY q.id

-- name: update_time_request
UPDATE time_request SET state = $2, decided_by = $3, decided_at = $4, note = $5 WHERE id = $1

-- name: select_silences
SELECT began_at, ended_at FROM presence_gap WHERE attempt_id = $1 ORDER BY began_at

-- name: count_late_answers
-- Kept for staff, and not accepted yet; without what a page sent after the physician's own handing in.
SELECT count(*)
FROM answer_event e JOIN attempt a ON a.id = e.attempt_id
WHERE e.attempt_id = $1 AND NOT e.counted
    AND (e.source = 'import' OR a.handed_in_at IS NULL OR e.received_at <= a.handed_in_at)
    AND NOT EXISTS (SELECT FROM answer_acceptance c WHERE c.attempt_id = e.attempt_id AND c.number = e.number)

-- name: lock_attempts_at
-- In order of id.
SELECT * FROM attempt WHERE registration_id = $1 AND province_id = $2 AND subject = $3
ORDER BY id
FOR NO KEY UPDATE

-- name: select_extra_minutes
SELECT subject, extra_minutes FROM time_override WHERE registration_id = $1

-- name: upsert_time_override
INSERT INTO time_override (registration_id, subject, province_id, extra_minutes, reason, granted_by, granted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (registration_id, subject) DO UPDATE
SET extra_minutes = excluded.extra_minutes, reason = excluded.reason, granted_by = excluded.granted_by,
    granted_at = excluded.granted_at

-- takeover

-- name: upsert_takeover
-- Once unverified it stays so for staff to see.
INSERT INTO takeover (attempt_id, device_hash, allowed_at, verified) VALUES ($1, $2, $3, $4)
ON CONFLICT (attempt_id, device_hash) DO UPDATE
SET allowed_at = excluded.allowed_at, verified = takeover.verified AND excluded.verified

-- name: exists_takeover
-- Good for one lease.
SELECT EXISTS (
    SELECT FROM takeover t
    WHERE t.attempt_id = $1 AND t.device_hash = $2 AND t.allowed_at >= $3
        AND NOT EXISTS (SELECT FROM lease l
                        WHERE l.attempt_id = $1 AND l.device_hash = $2 AND l.taken_at >= t.allowed_at)
)

-- settlement

-- name: select_last_result
SELECT max(m.at) FROM attempt_move m JOIN attempt a ON a.id = m.attempt_id
WHERE a.registration_id = $1 AND m.to_state IN ('marked', 'confirmed', 'terminated', 'void')

-- alternative sittings

-- name: insert_sitting
-- Nothing when there is one already.
INSERT INTO alternative_sitting (id, province_id, registration_id, body_id, reason, state, asked_at)
VALUES ($1, $2, $3, $4, $5, 'open', $6)
ON CONFLICT (registration_id) WHERE state <> 'withdrawn' DO NOTHING
RETURNING id

-- name: select_optional_sitting
SELECT t.id, t.province_id, t.registration_id, t.body_id, t.reason, t.state, t.asked_at, t.place, t.starts_at, t.note,
       s.name AS decided_by, t.decided_at
FROM alternative_sitting t LEFT JOIN account s ON s.id = t.decided_by
WHERE t.registration_id = $1 AND t.province_id = $2 AND t.state <> 'withdrawn'

-- name: lock_optional_sitting
SELECT t.id, t.province_id, t.registration_id, t.body_id, t.reason, t.state, t.asked_at, t.place, t.starts_at, t.note,
       s.name AS decided_by, t.decided_at
FROM alternative_sitting t LEFT JOIN account s ON s.id = t.decided_by
WHERE t.registration_id = $1 AND t.province_id = $2 AND t.state <> 'withdrawn'
FOR NO KEY UPDATE OF t

-- name: select_sittings
-- At a body, what waits for it first; with whether the physician declined the processing of their face.
SELECT t.id, t.province_id, t.registration_id, t.body_id, t.reason, t.state, t.asked_at, t.place, t.starts_at, t.note,
       s.name AS decided_by, t.decided_at, p.name AS physician, i.name AS institution,
       (SELECT c.declined_at IS NOT NULL FROM consent c WHERE c.account_id = p.id ORDER BY c.id DESC LIMIT 1) AS declined
FROM alternative_sitting t
JOIN registration r ON r.id = t.registration_id
JOIN account p ON p.id = r.account_id
JOIN institution i ON i.id = r.institution_id
LEFT JOIN account s ON s.id = t.decided_by
WHERE t.body_id = $1 AND t.province_id = $2 AND t.state <> 'withdrawn' AND ($3::uuid IS NULL OR t.registration_id = $3)
ORDER BY t.state <> 'open', t.starts_at NULLS FIRST, t.asked_at
LIMIT $4

-- name: count_open_sittings
SELECT count(*) FROM alternative_sitting WHERE body_id = $1 AND province_id = $2 AND state = 'open'

-- name: update_sitting
UPDATE alternative_sitting
SET state = $2, place = $3, starts_at = $4, note = $5, decided_by = $6, decided_at = $7
WHERE id = $1

-- name: update_sitting_state
UPDATE alternative_sitting SET state = $2 WHERE id = $1

-- name: update_watched
UPDATE attempt SET watched = TRUE WHERE id = $1

-- name: take_back_check_in
-- The day of the sitting has passed, and these were not begun there.
UPDATE attempt SET watched = FALSE, checked_at = NULL
WHERE registration_id = $1 AND watched AND state = 'prepared'

-- name: insert_acknowledgement
-- The first one stays. Gives the notice where it was for this attempt ($2) of this body ($3), or for all of them.
WITH said AS (
    SELECT id FROM notice WHERE id = $1 AND body_id = $3 AND (attempt_id = $2 OR attempt_id IS NULL)
), read AS (
    INSERT INTO notice_ack (notice_id, attempt_id, acknowledged_at) SELECT id, $2, $4 FROM said
    ON CONFLICT DO NOTHING
)
SELECT id FROM said

-- name: rehome_prepared
-- A paper that was prepared and not begun goes with its registration.
UPDATE attempt SET institution_id = $2, body_id = $3 WHERE registration_id = $1 AND state = 'prepared'

-- name: rehome_sitting
-- Another body arranges it anew.
UPDATE alternative_sitting SET body_id = $2, state = 'open', place = NULL, starts_at = NULL, note = ''
WHERE registration_id = $1 AND body_id <> $2 AND state IN ('open', 'answered', 'arranged')
