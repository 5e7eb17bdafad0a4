-- name: insert_physician
INSERT INTO account (id, province_id, role, name, document_hash, document, password_hash, created_at)
VALUES ($1, $2, 'physician', $3, $4, $5, $6, $7)

-- name: insert_staff
INSERT INTO account (id, province_id, role, name, body_id, institution_id, username, password_hash, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: select_optional_login_by_document
SELECT id, province_id, role, password_hash FROM account
WHERE province_id = $1 AND document_hash = $2 AND disabled_at IS NULL

-- name: select_optional_login_by_username
SELECT id, province_id, role, password_hash FROM account WHERE username = $1 AND disabled_at IS NULL

-- name: update_password_hash
UPDATE account SET password_hash = $2 WHERE id = $1

-- name: select_document
SELECT document FROM account WHERE id = $1 AND province_id = $2

-- name: select_documents
SELECT id, document FROM account WHERE id = ANY($1::uuid[]) AND province_id = $2 AND document IS NOT NULL

-- name: insert_session
INSERT INTO session (token_hash, account_id, created_at, seen_at, ends_at) VALUES ($1, $2, $3, $3, $4)

-- name: select_optional_session
SELECT s.seen_at, s.ends_at, a.id, a.role, a.province_id, a.name, a.body_id, a.institution_id
FROM session s JOIN account a ON a.id = s.account_id
WHERE s.token_hash = $1 AND a.disabled_at IS NULL

-- name: update_session_seen
UPDATE session SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2

-- name: delete_session
DELETE FROM session WHERE token_hash = $1

-- name: delete_ended_sessions
DELETE FROM session WHERE ends_at < $1

-- name: replace_consent
-- A new text takes the place of an older one.
UPDATE consent SET withdrawn_at = $4
WHERE account_id = $1 AND purpose = $2 AND version <> $3 AND withdrawn_at IS NULL AND declined_at IS NULL

-- name: insert_consent
INSERT INTO consent (id, province_id, account_id, purpose, version, given_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, purpose) WHERE withdrawn_at IS NULL AND declined_at IS NULL DO NOTHING

-- name: insert_refusal
INSERT INTO consent (id, province_id, account_id, purpose, version, declined_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: exists_consent
SELECT EXISTS (SELECT FROM consent WHERE account_id = $1 AND purpose = $2 AND version = $3
               AND withdrawn_at IS NULL AND declined_at IS NULL)

-- name: select_consents
SELECT version, given_at, declined_at, withdrawn_at FROM consent
WHERE account_id = $1 AND purpose = $2
ORDER BY id DESC

-- name: select_consenting
SELECT account_id FROM consent
WHERE account_id = ANY($1::uuid[]) AND purpose = $2 AND version = $3
    AND withdrawn_at IS NULL AND declined_at IS NULL

-- name: lock_consenting
-- As select_consenting; who withdraws waits until what is done on their consent is done.
SELECT account_id FROM consent
WHERE account_id = ANY($1::uuid[]) AND purpose = $2 AND version = $3
    AND withdrawn_at IS NULL AND declined_at IS NULL
ORDER BY id
FOR SHARE

-- name: withdraw_consent
UPDATE consent SET withdrawn_at = $3
WHERE account_id = $1 AND purpose = $2 AND withdrawn_at IS NULL AND declined_at IS NULL
