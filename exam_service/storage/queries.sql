-- name: insert_data_key
INSERT INTO data_key (id, province_id, account_id, cycle_id, data_class, wrapped)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING

-- name: insert_data_keys
INSERT INTO data_key (id, province_id, account_id, data_class, wrapped)
SELECT k.id, $1, k.account_id, $2, k.wrapped
FROM unnest($3::uuid[], $4::uuid[], $5::bytea[]) AS k (id, account_id, wrapped)

-- name: select_optional_data_key
SELECT id, wrapped
FROM data_key
WHERE account_id = $1 AND cycle_id IS NOT DISTINCT FROM $2::uuid AND data_class = $3

-- name: select_optional_data_key_by_id
SELECT id, wrapped FROM data_key WHERE id = $1

-- name: insert_evidence
INSERT INTO evidence (id, province_id, account_id, data_class, path, bytes, sha256, created_at, key_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING

-- name: select_optional_evidence
SELECT id, path, sha256, bytes AS size FROM evidence WHERE id = $1 AND province_id = $2

-- name: delete_data_key
DELETE FROM data_key WHERE id = $1 RETURNING id

-- name: delete_data_keys_of
DELETE FROM data_key WHERE account_id = $1

-- name: delete_evidence
DELETE FROM evidence WHERE id = ANY($1::uuid[]) RETURNING id, path, sha256, bytes AS size

-- name: select_evidence_after
SELECT e.id, e.path, e.sha256, e.bytes AS size, k.id IS NOT NULL AS has_key
FROM evidence e LEFT JOIN data_key k ON k.id = e.key_id
WHERE e.id > $1
ORDER BY e.id
LIMIT $2

-- name: select_evidence_paths
SELECT path FROM evidence WHERE path = ANY($1::text[])

-- name: select_data_keys_by_id
SELECT id, wrapped FROM data_key WHERE id = ANY($1::uuid[])
