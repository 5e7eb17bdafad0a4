-- name: insert_bank
INSERT INTO bank (id, province_id, title, subject, category, level, created_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: update_revision
UPDATE bank SET revision = $2 WHERE id = $1

-- name: select_optional_bank_by_title
SELECT id, province_id, title, subject, category, level FROM bank WHERE province_id = $1 AND title = $2

-- name: insert_item
INSERT INTO item (id, province_id, bank_id, use, stem, explanation, tags, key_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: insert_option
INSERT INTO item_option (id, item_id, ordinal, text) VALUES ($1, $2, $3, $4)

-- name: insert_image
INSERT INTO item_image (item_id, media_type, width, height, alt, data, source_digest)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: select_identities
SELECT i.stem, m.source_digest, array_agg(o.text) AS texts, max(o.text) FILTER (WHERE o.id = i.key_id) AS right
FROM item i JOIN item_option o ON o.item_id = i.id LEFT JOIN item_image m ON m.item_id = i.id
WHERE i.bank_id = $1
GROUP BY i.id, m.item_id

-- name: select_revisions
SELECT id, revision FROM bank
WHERE province_id = $1 AND subject = $2 AND (subject = 'humanities' OR (category = $3 AND level = $4))
ORDER BY id

-- name: select_exam_item_ids
SELECT id FROM item WHERE bank_id = $1 AND use = 'exam'

-- name: count_exam_items
SELECT count(*)
FROM item i JOIN bank b ON b.id = i.bank_id
WHERE i.id = ANY($1::uuid[]) AND i.use = 'exam' AND b.province_id = $2 AND b.subject = $3
  AND (b.subject = 'humanities' OR (b.category = $4 AND b.level = $5))

-- name: select_option_ids
SELECT item_id, array_agg(id ORDER BY ordinal) AS option_ids
FROM item_option WHERE item_id = ANY($1::uuid[])
GROUP BY item_id

-- name: select_is_option
SELECT EXISTS (SELECT FROM item_option WHERE item_id = $1 AND id = $2)

-- name: select_items
SELECT i.id, i.stem, array_agg(o.id ORDER BY o.ordinal) AS option_ids, array_agg(o.text ORDER BY o.ordinal) AS texts,
       m.media_type, m.width, m.height, m.alt, m.data
FROM item i JOIN item_option o ON o.item_id = i.id LEFT JOIN item_image m ON m.item_id = i.id
WHERE i.id = ANY($1::uuid[])
GROUP BY i.id, m.item_id

-- name: select_keys
SELECT id, key_id FROM item WHERE id = ANY($1::uuid[])

-- name: select_practice_banks
SELECT b.id, b.province_id, b.title, b.subject, b.category, b.level, count(*) AS items
FROM bank b JOIN item i ON i.bank_id = b.id AND i.use = 'practice'
WHERE b.province_id = $1 AND (b.subject = 'humanities' OR (b.category = $2 AND b.level = $3))
GROUP BY b.id
ORDER BY b.id

-- name: select_practice_item_ids
SELECT i.id FROM item i JOIN bank b ON b.id = i.bank_id
WHERE i.bank_id = $1 AND b.province_id = $2 AND i.use = 'practice'

-- name: select_practice_solution
SELECT key_id, explanation FROM item WHERE id = $1 AND province_id = $2 AND use = 'practice'
