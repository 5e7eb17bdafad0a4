-- name: insert_entry
INSERT INTO audit_entry (id, province_id, at, actor_id, action, subject_id, facts)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: insert_view_once
-- One row per viewer, subject, action and minute: a contact sheet of 300 pictures is one viewing.
INSERT INTO audit_entry (id, province_id, at, actor_id, action, subject_id, facts, minute)
VALUES ($1, $2, $3, $4, $5, $6, $7, date_trunc('minute', $3::timestamptz, 'UTC'))
ON CONFLICT (actor_id, subject_id, action, minute) WHERE minute IS NOT NULL DO NOTHING

-- name: lock_sealing
SELECT pg_try_advisory_xact_lock(1635083369)

-- name: select_seal_head
SELECT number, digest FROM audit_head

-- name: select_digest
SELECT digest FROM audit_seal WHERE number = $1

-- name: select_unsealed
-- Only rows of transactions that every other one can see: a row that commits later can't slip in below.
SELECT e.id, e.province_id, e.at, e.actor_id, e.action, e.subject_id, e.facts
FROM audit_entry e
WHERE e.sealed IS FALSE AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
  AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.entry_id = e.id)
ORDER BY e.id
LIMIT $1

-- name: insert_seal
INSERT INTO audit_seal (number, entry_id, digest) VALUES ($1, $2, $3)

-- name: upsert_seal_head
INSERT INTO audit_head (number, digest) VALUES ($1, $2)
ON CONFLICT (only_row) DO UPDATE SET number = excluded.number, digest = excluded.digest

-- name: mark_sealed
UPDATE audit_entry SET sealed = TRUE WHERE id = ANY($1::uuid[])

-- name: select_sealed
SELECT s.number, s.digest, e.id, e.province_id, e.at, e.actor_id, e.action, e.subject_id, e.facts
FROM audit_seal s LEFT JOIN audit_entry e ON e.id = s.entry_id
WHERE s.number > $1
ORDER BY s.number
LIMIT $2

-- name: select_never_sealed
-- What is called sealed has its seal at once, and the chain begins with number 1.
SELECT count(*) AS count, min(e.at) AS oldest FROM audit_entry e
WHERE (e.sealed OR e.at < $1) AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.entry_id = e.id AND s.number > 0)
