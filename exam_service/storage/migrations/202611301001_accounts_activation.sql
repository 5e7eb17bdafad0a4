-- An account without a password can't log in: it is activated by identity number, name and a code to the mobile
-- number, or by a printed slip. Mobile numbers are looked up by keyed hash and stored sealed.
ALTER TABLE account ADD COLUMN document_type text NOT NULL DEFAULT 'identity_card'
    CHECK (document_type IN ('identity_card', 'passport', 'hk_mo_permit', 'tw_permit', 'officer', 'other'));
ALTER TABLE account ADD COLUMN mobile bytea;
ALTER TABLE account ADD COLUMN mobile_hash bytea;
ALTER TABLE account ADD COLUMN mobile_bound_at timestamptz;
ALTER TABLE account ADD COLUMN activated_at timestamptz;
ALTER TABLE account ADD COLUMN must_change_password boolean NOT NULL DEFAULT false;
-- Staff's second factor: the sealed secret of RFC 6238, in force from totp_since on.
ALTER TABLE account ADD COLUMN totp bytea;
ALTER TABLE account ADD COLUMN totp_since timestamptz;
ALTER TABLE account ADD COLUMN totp_last_step bigint;
UPDATE account SET activated_at = created_at WHERE password_hash IS NOT NULL;
CREATE UNIQUE INDEX account_mobile ON account (province_id, mobile_hash)
    WHERE mobile_bound_at IS NOT NULL AND role = 'physician';
CREATE INDEX account_institution ON account (institution_id) WHERE institution_id IS NOT NULL;

-- A code sent to a mobile number for one purpose; the newest of account and purpose counts.
CREATE TABLE mobile_code (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    account_id  uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    purpose     text NOT NULL CHECK (purpose IN ('activation', 'reset', 'binding', 'change')),
    mobile_hash bytea NOT NULL,
    code_hash   bytea NOT NULL,
    sent_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    tries       integer NOT NULL DEFAULT 0,
    used_at     timestamptz
);
CREATE INDEX mobile_code_account ON mobile_code (account_id, purpose, id DESC);

-- A printed slip: its token of 128 bits stands in the address's fragment and is stored hashed.
CREATE TABLE activation_slip (
    token_hash  bytea PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    account_id  uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    printed_by  uuid REFERENCES account,
    printed_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    revoked_at  timestamptz
);
CREATE UNIQUE INDEX activation_slip_live ON activation_slip (account_id)
    WHERE used_at IS NULL AND revoked_at IS NULL;

-- Who has a slip and no mobile number that a code reaches: staff look at the person and approve. The password
-- hash waits here until then.
CREATE TABLE activation_request (
    id             uuid PRIMARY KEY,
    province_id    text NOT NULL REFERENCES province,
    account_id     uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    institution_id uuid REFERENCES institution,
    password_hash  text NOT NULL,
    asked_at       timestamptz NOT NULL,
    state          text NOT NULL CHECK (state IN ('open', 'approved', 'refused')),
    decided_by     uuid REFERENCES account,
    decided_at     timestamptz
);
CREATE UNIQUE INDEX activation_request_open ON activation_request (account_id) WHERE state = 'open';

-- Demonstrations only: what would have been sent.
CREATE TABLE sms_outbox (
    id      uuid PRIMARY KEY,
    mobile  text NOT NULL,
    text    text NOT NULL,
    sent_at timestamptz NOT NULL
);
