-- name: insert_physician
INSERT INTO account (id, province_id, role, name, document_type, document_hash, document, mobile, mobile_hash,
                     password_hash, activated_at, first_activated_at, created_at)
SELECT $1, $2, 'physician', $3, $4, $5, $6, $7, $8, $9, active.since, active.since, $10
FROM (SELECT CASE WHEN $9::text IS NOT NULL THEN $10::timestamptz END AS since) active

-- name: insert_staff
INSERT INTO account (id, province_id, role, name, body_id, institution_id, username, password_hash,
                     must_change_password, activated_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)

-- name: select_optional_login_by_document
SELECT id, province_id, role, password_hash, totp_since,
       (SELECT r.password_hash FROM activation_request r WHERE r.account_id = account.id AND r.state = 'open')
           AS asked_hash
FROM account
WHERE province_id = $1 AND document_hash = $2 AND disabled_at IS NULL

-- name: select_optional_login_by_mobile
SELECT id, province_id, role, password_hash, totp_since, NULL AS asked_hash FROM account
WHERE province_id = $1 AND mobile_hash = $2 AND mobile_bound_at IS NOT NULL AND role = 'physician'
    AND disabled_at IS NULL

-- name: select_optional_login_by_username
SELECT id, province_id, role, password_hash, totp_since, NULL AS asked_hash FROM account
WHERE username = $1 AND disabled_at IS NULL

-- name: update_password_hash
UPDATE account SET password_hash = $2 WHERE id = $1

-- name: set_password
UPDATE account SET password_hash = $2, must_change_password = $3, activated_at = coalesce(activated_at, $4),
                   first_activated_at = coalesce(first_activated_at, $4)
WHERE id = $1

-- name: clear_password
UPDATE account SET password_hash = NULL, activated_at = NULL, must_change_password = false WHERE id = $1

-- name: bind_mobile
UPDATE account SET mobile = $2, mobile_hash = $3, mobile_bound_at = $4 WHERE id = $1

-- name: unbind_mobile
UPDATE account SET mobile = NULL, mobile_hash = NULL, mobile_bound_at = NULL
WHERE id = $1 AND mobile_bound_at IS NOT NULL

-- name: select_optional_person_by_document
SELECT id, province_id, role, name, username, document_hash, document, mobile, mobile_hash, mobile_bound_at,
       password_hash, totp, totp_since, totp_last_step
FROM account WHERE province_id = $1 AND document_hash = $2 AND disabled_at IS NULL

-- name: lock_optional_person
SELECT id, province_id, role, name, username, document_hash, document, mobile, mobile_hash, mobile_bound_at,
       password_hash, totp, totp_since, totp_last_step
FROM account WHERE id = $1 AND disabled_at IS NULL
FOR NO KEY UPDATE

-- name: lock_turn
-- Two who ask for the same at once come one after the other.
SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), 0))

-- name: select_codes_sent
SELECT max(sent_at) FILTER (WHERE who = $1) AS last_sent_at,
       count(*) FILTER (WHERE who = $1) AS of_person,
       count(*) FILTER (WHERE mobile_hash = $2 AND account_id IS NOT NULL) AS to_mobile
FROM mobile_code WHERE (who = $1 OR (mobile_hash = $2 AND account_id IS NOT NULL)) AND sent_at > $3

-- name: supersede_codes
UPDATE mobile_code SET used_at = $2 WHERE who = $1 AND used_at IS NULL

-- name: insert_code
INSERT INTO mobile_code (id, province_id, account_id, who, purpose, mobile_hash, code_hash, sent_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: lock_optional_code
SELECT account_id, mobile_hash, code_hash, expires_at, tries, used_at FROM mobile_code
WHERE id = $1 AND purpose = $2
FOR UPDATE

-- name: update_code_tries
UPDATE mobile_code SET tries = tries + 1 WHERE id = $1

-- name: update_code_used
UPDATE mobile_code SET used_at = $2 WHERE id = $1

-- name: void_codes
UPDATE mobile_code SET used_at = $2 WHERE account_id = $1 AND used_at IS NULL

-- name: delete_old_codes
DELETE FROM mobile_code WHERE sent_at < $1

-- name: revoke_slips
UPDATE activation_slip SET revoked_at = $2 WHERE account_id = $1 AND used_at IS NULL AND revoked_at IS NULL

-- name: insert_slip
INSERT INTO activation_slip (token_hash, province_id, account_id, institution_id, printed_by, printed_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: select_optional_slip
SELECT account_id, province_id, institution_id FROM activation_slip
WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2

-- name: exists_slip
-- One that may be used, or by which a request waits.
SELECT EXISTS (
    SELECT FROM activation_slip
    WHERE account_id = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2
) OR EXISTS (SELECT FROM activation_request WHERE account_id = $1 AND state = 'open')

-- name: use_slip
UPDATE activation_slip SET used_at = $2
WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2
RETURNING true

-- name: insert_activation_request
INSERT INTO activation_request (id, province_id, account_id, institution_id, password_hash, asked_at, state)
VALUES ($1, $2, $3, $4, $5, $6, 'open')

-- name: withdraw_activation_requests
UPDATE activation_request SET state = 'refused', decided_at = $2 WHERE account_id = $1 AND state = 'open'

-- name: select_open_activation_requests
SELECT r.id, r.account_id, r.institution_id, r.asked_at, a.name, i.name AS institution, i.phone
FROM activation_request r
JOIN account a ON a.id = r.account_id
JOIN institution i ON i.id = r.institution_id
WHERE r.state = 'open' AND r.province_id = $1 AND r.institution_id = ANY($2::uuid[])
ORDER BY r.id

-- name: lock_optional_activation_request
SELECT account_id, password_hash FROM activation_request
WHERE id = $1 AND province_id = $2 AND institution_id = ANY($3::uuid[]) AND state = 'open'
FOR UPDATE

-- name: decide_activation_request
UPDATE activation_request SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1

-- name: set_pending_totp
UPDATE account SET totp = $2, totp_since = NULL, totp_last_step = NULL WHERE id = $1

-- name: confirm_totp
UPDATE account SET totp_since = $2, totp_last_step = $3 WHERE id = $1

-- name: update_totp_step
UPDATE account SET totp_last_step = $2 WHERE id = $1

-- name: clear_totp
UPDATE account SET totp = NULL, totp_since = NULL, totp_last_step = NULL WHERE id = $1

-- name: delete_recovery_codes
DELETE FROM recovery_code WHERE account_id = $1

-- name: insert_recovery_code
INSERT INTO recovery_code (account_id, code_hash) VALUES ($1, $2)

-- name: use_recovery_code
UPDATE recovery_code SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL
RETURNING true

-- name: count_recovery_codes
SELECT count(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL

-- name: insert_captcha_answered
INSERT INTO captcha_answered (id, answered_at) VALUES ($1, $2) ON CONFLICT DO NOTHING
RETURNING true

-- name: delete_old_captchas
DELETE FROM captcha_answered WHERE answered_at < $1

-- name: select_document
SELECT document FROM account WHERE id = $1 AND province_id = $2

-- name: insert_session
INSERT INTO session (token_hash, account_id, device, created_at, seen_at, ends_at)
VALUES ($1, $2, $3, $4, $4, $5)

-- name: select_optional_session
SELECT s.seen_at, s.ends_at, a.id, a.role, a.province_id, a.name, a.body_id, a.institution_id,
       a.must_change_password, a.totp_since IS NOT NULL AS has_second_factor
FROM session s JOIN account a ON a.id = s.account_id
WHERE s.token_hash = $1 AND a.disabled_at IS NULL

-- name: update_session_seen
UPDATE session SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2

-- name: delete_session
DELETE FROM session WHERE token_hash = $1

-- name: delete_other_sessions
-- Of an account, all but one; all of them where none is kept.
DELETE FROM session WHERE account_id = $1 AND token_hash IS DISTINCT FROM $2

-- name: select_sessions
SELECT token_hash, device, created_at, seen_at FROM session
WHERE account_id = $1 AND ends_at > $2 AND seen_at > $3
ORDER BY seen_at DESC, created_at DESC
LIMIT 50

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

-- name: insert_physicians
INSERT INTO account (id, province_id, role, name, document_type, document_hash, document, mobile, mobile_hash,
                     created_at)
SELECT p.id, $1, 'physician', p.name, p.document_type, p.document_hash, p.document, p.mobile, p.mobile_hash, $2
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[])
    AS p (id, name, document_type, document_hash, document, mobile, mobile_hash)

-- name: select_accounts_of_documents
SELECT id, document_hash FROM account WHERE province_id = $1 AND document_hash = ANY($2::bytea[])

-- name: select_optional_roster_person
SELECT name, document_type, document, mobile, first_activated_at FROM account
WHERE id = $1 AND province_id = $2 AND role = 'physician'

-- name: select_documents
SELECT id, document FROM account WHERE id = ANY($1::uuid[]) AND province_id = $2 AND document IS NOT NULL

-- name: correct_physician
UPDATE account SET name = $3, document_type = coalesce($4, document_type), document_hash = coalesce($5, document_hash),
                   document = coalesce($6, document), mobile = coalesce($7, mobile),
                   mobile_hash = coalesce($8, mobile_hash)
WHERE id = $1 AND province_id = $2 AND role = 'physician' AND first_activated_at IS NULL
RETURNING id

-- name: delete_physician
DELETE FROM account WHERE id = $1 AND province_id = $2 AND role = 'physician' AND first_activated_at IS NULL
RETURNING id

-- name: select_colleagues
SELECT id, name, username, body_id, institution_id, must_change_password, disabled_at FROM account
WHERE province_id = $1 AND (body_id = $2 OR institution_id = $3) AND role IN ('institution', 'body')
ORDER BY disabled_at IS NOT NULL, id

-- name: select_optional_colleague
SELECT id, name, username, body_id, institution_id, must_change_password, disabled_at FROM account
WHERE province_id = $1 AND id = $2 AND role IN ('institution', 'body')

-- name: exists_username
SELECT EXISTS (SELECT FROM account WHERE username = $1)

-- name: update_disabled
UPDATE account SET disabled_at = $2 WHERE id = $1
