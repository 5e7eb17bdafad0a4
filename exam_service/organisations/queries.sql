-- name: insert_province
INSERT INTO province (id, name) VALUES ($1, $2)

-- name: select_provinces
SELECT id, name FROM province ORDER BY id

-- name: insert_body
INSERT INTO body (id, province_id, name) VALUES ($1, $2, $3)

-- name: select_body_name
SELECT name FROM body WHERE id = $1 AND province_id = $2

-- name: insert_institution
INSERT INTO institution (id, province_id, name) VALUES ($1, $2, $3)

-- name: select_institution_name
SELECT name FROM institution WHERE id = $1 AND province_id = $2
