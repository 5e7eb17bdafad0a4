-- name: insert_province
INSERT INTO province (id, name, authority) VALUES ($1, $2, $3)

-- name: select_provinces
SELECT id, name, authority, entry::text AS entry FROM province ORDER BY id

-- name: select_province
SELECT id, name, authority, entry::text AS entry FROM province WHERE id = $1

-- name: update_entry
UPDATE province SET entry = $2 WHERE id = $1

-- name: insert_body
INSERT INTO body (id, province_id, name) VALUES ($1, $2, $3)

-- name: select_body_name
SELECT name FROM body WHERE id = $1 AND province_id = $2

-- name: insert_institution
INSERT INTO institution (id, province_id, name) VALUES ($1, $2, $3)

-- name: select_institution_name
SELECT name FROM institution WHERE id = $1 AND province_id = $2
