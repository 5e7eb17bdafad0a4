-- Whose an application is, the registration says: it goes with the physician who changes institution.
ALTER TABLE exemption_application DROP COLUMN institution_id, DROP COLUMN body_id;
CREATE INDEX exemption_application_waiting ON exemption_application (state, id) WHERE state IN ('institution', 'body');
CREATE INDEX exemption_decision_level ON exemption_decision (level, id DESC);
ALTER TABLE exemption_application ADD COLUMN withdrawn_at timestamptz;
ALTER TABLE modification_request DROP COLUMN institution_id;
ALTER TABLE modification_request ADD COLUMN withdrawn_at timestamptz;
CREATE INDEX modification_request_waiting ON modification_request (id) WHERE state = 'open';
CREATE INDEX modification_request_decided ON modification_request (id DESC) WHERE state IN ('granted', 'refused');
