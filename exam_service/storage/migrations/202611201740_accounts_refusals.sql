-- Who doesn't consent says so, with version and time; a refusal is never in force.
ALTER TABLE consent
    ALTER COLUMN given_at DROP NOT NULL,
    ADD COLUMN declined_at timestamptz,
    ADD CONSTRAINT consent_given_or_declined CHECK ((given_at IS NULL) <> (declined_at IS NULL));
DROP INDEX consent_in_force;
CREATE UNIQUE INDEX consent_in_force ON consent (account_id, purpose)
    WHERE withdrawn_at IS NULL AND declined_at IS NULL;
CREATE INDEX consent_account ON consent (account_id, id);
