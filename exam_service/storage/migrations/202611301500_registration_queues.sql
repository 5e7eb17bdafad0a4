-- Lists of submitted registrations in order of submission, whatever their state; progress; what a reviewer decided
-- lately.
CREATE INDEX registration_institution_submitted ON registration (institution_id, cycle_id, submitted_at, id)
    WHERE submitted_at IS NOT NULL;
CREATE INDEX registration_body_submitted ON registration (body_id, cycle_id, submitted_at, id)
    WHERE submitted_at IS NOT NULL;
CREATE INDEX registration_submitted ON registration (cycle_id, submitted_at, id) WHERE submitted_at IS NOT NULL;
CREATE INDEX registration_department_queue ON registration (department_id, submitted_at, id)
    WHERE department_id IS NOT NULL;
CREATE INDEX registration_progress ON registration (cycle_id, body_id, institution_id, state)
    INCLUDE (province_id);
CREATE INDEX registration_progress_institution ON registration (institution_id, cycle_id, state)
    INCLUDE (body_id, province_id);
CREATE INDEX registration_review_reviewer ON registration_review (reviewer_id, decided_at);
