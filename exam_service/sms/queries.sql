-- name: insert_message
INSERT INTO sms_outbox (id, mobile, text, sent_at) VALUES ($1, $2, $3, $4)

-- name: select_newest_messages
SELECT mobile, text, sent_at FROM sms_outbox ORDER BY id DESC LIMIT $1

-- name: delete_messages_before
DELETE FROM sms_outbox WHERE sent_at < $1
