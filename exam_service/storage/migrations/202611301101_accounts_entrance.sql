-- A code is asked for by somebody who says who they are: rows are counted by a keyed hash of what was said, so
-- that an unknown person meets the same tries, waits and limits as a known one. Only a known one is sent a code.
ALTER TABLE mobile_code ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE mobile_code ADD COLUMN who bytea NOT NULL;
DROP INDEX mobile_code_account;
CREATE INDEX mobile_code_who ON mobile_code (who, sent_at);
CREATE INDEX mobile_code_mobile ON mobile_code (mobile_hash, sent_at) WHERE account_id IS NOT NULL;
CREATE INDEX mobile_code_sent ON mobile_code (sent_at);

-- Who printed it, and where: without a code the bodies of that institution decide.
ALTER TABLE activation_slip ADD COLUMN institution_id uuid REFERENCES institution;
CREATE INDEX activation_request_institution ON activation_request (institution_id, id) WHERE state = 'open';
ALTER TABLE activation_request ADD CONSTRAINT activation_request_decided
    CHECK (state = 'open' OR decided_at IS NOT NULL);

-- In words, for the list of one's own sessions.
ALTER TABLE session ADD COLUMN device text NOT NULL DEFAULT '';

-- Ten for each member of staff with a second factor; each works once.
CREATE TABLE recovery_code (
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    code_hash  bytea NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (account_id, code_hash)
);

-- What was drawn for a captcha travels sealed with the page; only that one was answered is remembered.
CREATE TABLE captcha_answered (
    id          uuid PRIMARY KEY,
    answered_at timestamptz NOT NULL
);
CREATE INDEX captcha_answered_at ON captcha_answered (answered_at);

CREATE INDEX sms_outbox_sent ON sms_outbox (sent_at);
