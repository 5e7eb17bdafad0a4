-- name: insert_province
INSERT INTO province (id, name, authority) VALUES ($1, $2, $3)

-- name: select_provinces
SELECT id, name, authority, entry::text AS entry FROM province ORDER BY id

-- name: select_province
SELECT id, name, authority, entry::text AS entry FROM province WHERE id = $1

-- name: update_entry
UPDATE province SET entry = $2 WHERE id = $1

-- name: insert_body
INSERT INTO body (id, province_id, name, phone) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id

-- name: select_body
SELECT id, province_id, name, phone FROM body WHERE id = $1 AND province_id = $2

-- name: update_body
-- Nothing where another has that name.
UPDATE body SET name = $3, phone = $4
WHERE id = $1 AND province_id = $2
    AND NOT EXISTS (SELECT FROM body o WHERE o.province_id = $2 AND o.name COLLATE "C" = $3 AND o.id <> $1)
RETURNING id

-- name: insert_institution
INSERT INTO institution (id, province_id, name, phone, address) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING id

-- name: select_institution
SELECT id, province_id, name, phone, address FROM institution WHERE id = $1 AND province_id = $2

-- name: update_institution
-- Nothing where another has that name.
UPDATE institution SET name = $3, phone = $4, address = $5
WHERE id = $1 AND province_id = $2
    AND NOT EXISTS (SELECT FROM institution o WHERE o.province_id = $2 AND o.name COLLATE "C" = $3 AND o.id <> $1)
RETURNING id

-- name: select_known_institutions
-- Which of these names are taken.
SELECT name FROM institution WHERE province_id = $1 AND name COLLATE "C" = ANY($2::text[])

-- name: insert_institutions
INSERT INTO institution (id, province_id, name, phone, address)
SELECT id, $1, name, phone, address
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS new (id, name, phone, address)

-- name: insert_site
INSERT INTO exam_site (id, province_id, body_id, name, address, seats, note, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (body_id, name) DO NOTHING
RETURNING id

-- name: select_sites
-- Those in use first.
SELECT id, province_id, body_id, name, address, seats, note, stopped_at, used_at FROM exam_site
WHERE body_id = $1 AND province_id = $2
ORDER BY stopped_at IS NOT NULL, name

-- name: lock_site
SELECT id, province_id, body_id, name, address, seats, note, stopped_at, used_at FROM exam_site
WHERE id = $1 AND body_id = $2 AND province_id = $3
FOR UPDATE

-- name: update_site
-- Nothing where another of the body has that name.
UPDATE exam_site SET name = $2, address = $3, seats = $4, note = $5
WHERE id = $1
    AND NOT EXISTS (SELECT FROM exam_site o
                    WHERE o.body_id = exam_site.body_id AND o.name = $2 AND o.id <> $1)
RETURNING id

-- name: update_site_stopped
UPDATE exam_site SET stopped_at = $2 WHERE id = $1

-- name: update_site_used
UPDATE exam_site SET used_at = $4
WHERE body_id = $1 AND province_id = $2 AND name || '（' || address || '）' = $3 AND used_at IS NULL

-- name: delete_site
DELETE FROM exam_site WHERE id = $1
