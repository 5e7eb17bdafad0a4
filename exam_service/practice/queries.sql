-- name: insert_set
INSERT INTO practice_set (id, province_id, account_id, bank_id, item_ids, created_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: select_optional_set
SELECT id, bank_id, item_ids FROM practice_set WHERE id = $1 AND account_id = $2 AND province_id = $3

-- name: select_bank_title
SELECT title FROM bank WHERE id = $1

-- name: upsert_answer
INSERT INTO practice_answer (set_id, item_id, option_id, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (set_id, item_id) DO UPDATE SET option_id = excluded.option_id, at = excluded.at

-- name: select_given
SELECT a.item_id, a.option_id, a.option_id = i.key_id AS right
FROM practice_answer a JOIN item i ON i.id = a.item_id
WHERE a.set_id = $1
