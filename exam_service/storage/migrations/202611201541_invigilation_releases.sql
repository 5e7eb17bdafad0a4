-- The timeline of an attempt shows when its lease was released, which the audit journal alone knows.
CREATE INDEX audit_entry_lease ON audit_entry (subject_id) WHERE action = 'lease.released';
