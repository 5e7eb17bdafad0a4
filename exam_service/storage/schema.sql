-- What all migrations add up to. Written by `make schema`, compared by a test, never edited.

CREATE FUNCTION public.attempt_standing(state text, checked_at timestamp with time zone, last_seen timestamp with time zone, silent_since timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (state IS NULL) THEN 'waiting'::text WHEN ((state = 'prepared'::text) AND (checked_at IS NULL)) THEN 'checking'::text WHEN (state = 'prepared'::text) THEN 'ready'::text WHEN ((state = ANY (ARRAY['admitted'::text, 'running'::text])) AND (last_seen < silent_since)) THEN 'offline'::text WHEN (state = ANY (ARRAY['admitted'::text, 'running'::text])) THEN 'answering'::text WHEN (state = ANY (ARRAY['closing'::text, 'closed'::text])) THEN 'collecting'::text WHEN (state = 'terminated'::text) THEN 'terminated'::text ELSE 'handed_in'::text END;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TABLE public.account (
    id uuid NOT NULL,
    province_id text NOT NULL,
    role text NOT NULL,
    name text NOT NULL,
    body_id uuid,
    institution_id uuid,
    document_hash bytea,
    document bytea,
    username text,
    password_hash text,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    document_type text DEFAULT 'identity_card'::text NOT NULL,
    mobile bytea,
    mobile_hash bytea,
    mobile_bound_at timestamp with time zone,
    activated_at timestamp with time zone,
    must_change_password boolean DEFAULT false NOT NULL,
    totp bytea,
    totp_since timestamp with time zone,
    totp_last_step bigint,
    first_activated_at timestamp with time zone,
    CONSTRAINT account_check CHECK (((role = 'physician'::text) = (document_hash IS NOT NULL))),
    CONSTRAINT account_check1 CHECK (((role = 'physician'::text) = (username IS NULL))),
    CONSTRAINT account_check2 CHECK (((role <> 'body'::text) OR (body_id IS NOT NULL))),
    CONSTRAINT account_check3 CHECK (((role <> 'institution'::text) OR (institution_id IS NOT NULL))),
    CONSTRAINT account_document_type_check CHECK ((document_type = ANY (ARRAY['identity_card'::text, 'passport'::text, 'hk_mo_permit'::text, 'tw_permit'::text, 'officer'::text, 'other'::text]))),
    CONSTRAINT account_role_check CHECK ((role = ANY (ARRAY['physician'::text, 'institution'::text, 'body'::text, 'authority'::text, 'operator'::text])))
);

CREATE TABLE public.activation_request (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    institution_id uuid,
    password_hash text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT activation_request_decided CHECK (((state = 'open'::text) OR (decided_at IS NOT NULL))),
    CONSTRAINT activation_request_state_check CHECK ((state = ANY (ARRAY['open'::text, 'approved'::text, 'refused'::text])))
);

CREATE TABLE public.activation_slip (
    token_hash bytea NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    printed_by uuid,
    printed_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    institution_id uuid
);

CREATE TABLE public.admission_act (
    id uuid NOT NULL,
    province_id text NOT NULL,
    institution_id uuid NOT NULL,
    actor_id uuid NOT NULL,
    kind text NOT NULL,
    acted_at timestamp with time zone NOT NULL,
    undone_at timestamp with time zone,
    CONSTRAINT admission_act_kind_check CHECK ((kind = ANY (ARRAY['admitted'::text, 'cancelled'::text, 'left'::text])))
);

CREATE TABLE public.admission_act_item (
    act_id uuid NOT NULL,
    account_id uuid NOT NULL,
    registration_id uuid,
    move_id uuid,
    department_id uuid
);

CREATE TABLE public.alternative_sitting (
    id uuid NOT NULL,
    province_id text NOT NULL,
    registration_id uuid NOT NULL,
    body_id uuid NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    place text,
    starts_at timestamp with time zone,
    note text DEFAULT ''::text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT alternative_sitting_check CHECK (((state <> ALL (ARRAY['arranged'::text, 'checked_in'::text])) OR ((place IS NOT NULL) AND (starts_at IS NOT NULL)))),
    CONSTRAINT alternative_sitting_state_check CHECK ((state = ANY (ARRAY['open'::text, 'answered'::text, 'arranged'::text, 'checked_in'::text, 'withdrawn'::text])))
);

CREATE TABLE public.answer (
    attempt_id uuid NOT NULL,
    item_id uuid NOT NULL,
    option_id uuid,
    epoch integer NOT NULL,
    seq integer NOT NULL
);

CREATE TABLE public.answer_acceptance (
    attempt_id uuid NOT NULL,
    number integer NOT NULL,
    reason text NOT NULL,
    accepted_by uuid NOT NULL,
    accepted_at timestamp with time zone NOT NULL
);

CREATE TABLE public.answer_event (
    attempt_id uuid NOT NULL,
    epoch integer NOT NULL,
    seq integer NOT NULL,
    item_id uuid NOT NULL,
    option_id uuid,
    client_time timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    number integer NOT NULL,
    counted boolean NOT NULL,
    source text NOT NULL,
    receipt bytea NOT NULL,
    CONSTRAINT answer_event_source_check CHECK ((source = ANY (ARRAY['page'::text, 'import'::text])))
);

CREATE TABLE public.attempt (
    id uuid NOT NULL,
    province_id text NOT NULL,
    registration_id uuid NOT NULL,
    cycle_id uuid NOT NULL,
    account_id uuid NOT NULL,
    institution_id uuid NOT NULL,
    body_id uuid NOT NULL,
    subject text NOT NULL,
    ordinal integer NOT NULL,
    state text NOT NULL,
    rule jsonb NOT NULL,
    notice_version text NOT NULL,
    notice_accepted_at timestamp with time zone NOT NULL,
    admitted_at timestamp with time zone,
    deadline timestamp with time zone,
    handed_in_at timestamp with time zone,
    closed_at timestamp with time zone,
    lease_epoch integer DEFAULT 0 NOT NULL,
    total integer NOT NULL,
    correct integer,
    mark numeric(5,2),
    passed boolean,
    receipt_count integer DEFAULT 0 NOT NULL,
    receipt_head bytea,
    checked_at timestamp with time zone,
    extra_minutes integer DEFAULT 0 NOT NULL,
    device_hash bytea,
    round_id uuid,
    watched boolean DEFAULT false NOT NULL,
    CONSTRAINT attempt_ordinal_check CHECK ((ordinal >= 1)),
    CONSTRAINT attempt_subject_check CHECK ((subject = ANY (ARRAY['humanities'::text, 'professional'::text])))
);

CREATE TABLE public.attempt_item (
    attempt_id uuid NOT NULL,
    "position" smallint NOT NULL,
    item_id uuid NOT NULL,
    option_ids uuid[] NOT NULL
);

CREATE TABLE public.attempt_move (
    id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    province_id text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    cause text NOT NULL,
    actor_id uuid,
    at timestamp with time zone NOT NULL
);

CREATE TABLE public.attempt_receipt (
    attempt_id uuid NOT NULL,
    count integer CONSTRAINT attempt_receipt_count_not_null1 NOT NULL,
    head bytea NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    signature bytea NOT NULL
);

CREATE TABLE public.audit_entry (
    id uuid NOT NULL,
    province_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_id uuid,
    action text NOT NULL,
    subject_id uuid,
    facts jsonb NOT NULL,
    minute timestamp with time zone,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    sealed boolean DEFAULT false NOT NULL
);

CREATE TABLE public.audit_head (
    only_row boolean DEFAULT true NOT NULL,
    number bigint NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT audit_head_only_row_check CHECK (only_row)
);

CREATE TABLE public.audit_seal (
    number bigint NOT NULL,
    entry_id uuid NOT NULL,
    digest bytea NOT NULL
);

CREATE TABLE public.bank (
    id uuid NOT NULL,
    province_id text NOT NULL,
    title text NOT NULL,
    subject text NOT NULL,
    category text,
    level text,
    created_at timestamp with time zone NOT NULL,
    revision uuid NOT NULL,
    CONSTRAINT bank_category_check CHECK ((category = ANY (ARRAY['clinical'::text, 'dental'::text, 'tcm'::text, 'public_health'::text]))),
    CONSTRAINT bank_check CHECK (((subject = 'professional'::text) = (category IS NOT NULL))),
    CONSTRAINT bank_check1 CHECK (((subject = 'professional'::text) = (level IS NOT NULL))),
    CONSTRAINT bank_level_check CHECK ((level = ANY (ARRAY['licensed'::text, 'assistant'::text]))),
    CONSTRAINT bank_subject_check CHECK ((subject = ANY (ARRAY['humanities'::text, 'professional'::text])))
);

CREATE TABLE public.body (
    id uuid NOT NULL,
    province_id text NOT NULL,
    name text NOT NULL,
    phone text DEFAULT ''::text NOT NULL
);

CREATE TABLE public.body_application (
    id uuid NOT NULL,
    province_id text NOT NULL,
    cycle_id uuid NOT NULL,
    institution_id uuid NOT NULL,
    kind text NOT NULL,
    grounds text NOT NULL,
    applied_by uuid NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    decision text,
    body_id uuid,
    CONSTRAINT body_application_kind_check CHECK ((kind = ANY (ARRAY['institution'::text, 'academy'::text, 'society'::text]))),
    CONSTRAINT body_application_state_check CHECK ((state = ANY (ARRAY['open'::text, 'granted'::text, 'refused'::text, 'withdrawn'::text])))
);

CREATE TABLE public.captcha_answered (
    id uuid NOT NULL,
    answered_at timestamp with time zone NOT NULL
);

CREATE TABLE public.consent (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    purpose text NOT NULL,
    version text NOT NULL,
    given_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    declined_at timestamp with time zone,
    CONSTRAINT consent_given_or_declined CHECK (((given_at IS NULL) <> (declined_at IS NULL)))
);

CREATE TABLE public.cycle (
    id uuid NOT NULL,
    province_id text NOT NULL,
    title text NOT NULL,
    tests_from date NOT NULL,
    tests_until date NOT NULL,
    policy jsonb NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    makeup_from date,
    makeup_until date,
    stages jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT cycle_check CHECK ((tests_from <= tests_until)),
    CONSTRAINT cycle_check1 CHECK ((((makeup_from IS NULL) = (makeup_until IS NULL)) AND (makeup_from <= makeup_until)))
);

CREATE TABLE public.cycle_body (
    cycle_id uuid NOT NULL,
    body_id uuid NOT NULL,
    province_id text NOT NULL
);

CREATE TABLE public.cycle_institution (
    cycle_id uuid NOT NULL,
    institution_id uuid NOT NULL,
    body_id uuid NOT NULL,
    province_id text NOT NULL
);

CREATE TABLE public.data_key (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    cycle_id uuid,
    data_class text NOT NULL,
    wrapped bytea NOT NULL
);

CREATE TABLE public.decision (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid NOT NULL,
    passed boolean NOT NULL,
    note text NOT NULL,
    decided_by uuid NOT NULL,
    decided_at timestamp with time zone NOT NULL
);

CREATE TABLE public.deletion_request (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    why text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    carried_out_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    CONSTRAINT deletion_request_why_check CHECK ((why = ANY (ARRAY['request'::text, 'withdrawal'::text])))
);

CREATE TABLE public.department (
    id uuid NOT NULL,
    province_id text NOT NULL,
    institution_id uuid NOT NULL,
    name text NOT NULL,
    subjects text[] NOT NULL,
    stopped_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.drawn_paper (
    registration_id uuid NOT NULL,
    subject text NOT NULL,
    ordinal integer NOT NULL,
    paper jsonb NOT NULL,
    drawn_at timestamp with time zone NOT NULL
);

CREATE TABLE public.enrolment (
    id uuid NOT NULL,
    province_id text NOT NULL,
    registration_id uuid NOT NULL,
    model text NOT NULL,
    source text NOT NULL,
    embedding bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT enrolment_source_check CHECK ((source = ANY (ARRAY['registration_photo'::text, 'first_check'::text])))
);

CREATE TABLE public.evidence (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    data_class text NOT NULL,
    path text NOT NULL,
    bytes integer NOT NULL,
    sha256 bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    key_id uuid,
    CONSTRAINT evidence_bytes_check CHECK ((bytes > 0))
);

CREATE TABLE public.exam_site (
    id uuid NOT NULL,
    province_id text NOT NULL,
    body_id uuid NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    seats integer NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    stopped_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT exam_site_seats_check CHECK ((seats > 0))
);

CREATE TABLE public.exemption (
    registration_id uuid NOT NULL,
    subject text NOT NULL,
    province_id text NOT NULL,
    reason text NOT NULL,
    granted_by uuid,
    granted_at timestamp with time zone NOT NULL,
    CONSTRAINT exemption_subject_check CHECK ((subject = ANY (ARRAY['humanities'::text, 'professional'::text])))
);

CREATE TABLE public.exemption_application (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    subject text NOT NULL,
    conditions text[] NOT NULL,
    statement text DEFAULT ''::text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT exemption_application_conditions_check CHECK ((cardinality(conditions) > 0)),
    CONSTRAINT exemption_application_state_check CHECK ((state = ANY (ARRAY['institution'::text, 'body'::text, 'granted'::text, 'refused'::text, 'withdrawn'::text]))),
    CONSTRAINT exemption_application_subject_check CHECK ((subject = ANY (ARRAY['humanities'::text, 'professional'::text])))
);

CREATE TABLE public.exemption_decision (
    id uuid NOT NULL,
    application_id uuid NOT NULL,
    province_id text NOT NULL,
    level text NOT NULL,
    granted boolean NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    decided_by uuid NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT exemption_decision_level_check CHECK ((level = ANY (ARRAY['institution'::text, 'body'::text])))
);

CREATE TABLE public.finding_review (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid NOT NULL,
    kind text NOT NULL,
    began_at timestamp with time zone NOT NULL,
    verdict text NOT NULL,
    note text NOT NULL,
    reviewed_by uuid NOT NULL,
    reviewed_at timestamp with time zone NOT NULL,
    CONSTRAINT finding_review_verdict_check CHECK ((verdict = ANY (ARRAY['upheld'::text, 'dismissed'::text])))
);

CREATE TABLE public.identity_check (
    id uuid NOT NULL,
    province_id text NOT NULL,
    registration_id uuid NOT NULL,
    attempt_id uuid,
    purpose text NOT NULL,
    state text NOT NULL,
    device_hash bytea,
    device text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    challenge jsonb NOT NULL,
    last_spent text,
    front_embedding bytea,
    front_model text,
    compared boolean DEFAULT true NOT NULL,
    passed_at timestamp with time zone,
    asked_by uuid,
    asked_reason text DEFAULT ''::text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    decision_reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT identity_check_check CHECK (((attempt_id IS NULL) = (purpose = 'rehearsal'::text))),
    CONSTRAINT identity_check_check1 CHECK (((decided_by IS NULL) = (decided_at IS NULL))),
    CONSTRAINT identity_check_purpose_check CHECK ((purpose = ANY (ARRAY['check'::text, 'paper'::text, 'takeover'::text, 'rehearsal'::text]))),
    CONSTRAINT identity_check_state_check CHECK ((state = ANY (ARRAY['open'::text, 'waiting'::text, 'passed'::text, 'accepted'::text, 'refused'::text, 'expired'::text])))
);

CREATE TABLE public.institution (
    id uuid NOT NULL,
    province_id text NOT NULL,
    name text NOT NULL,
    phone text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL
);

CREATE TABLE public.item (
    id uuid NOT NULL,
    province_id text NOT NULL,
    bank_id uuid NOT NULL,
    use text NOT NULL,
    stem text NOT NULL,
    explanation text NOT NULL,
    tags text[] NOT NULL,
    key_id uuid NOT NULL,
    CONSTRAINT item_use_check CHECK ((use = ANY (ARRAY['practice'::text, 'exam'::text])))
);

CREATE TABLE public.item_image (
    item_id uuid NOT NULL,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    alt text NOT NULL,
    data bytea NOT NULL,
    source_digest bytea NOT NULL,
    CONSTRAINT item_image_media_type_check CHECK ((media_type = ANY (ARRAY['image/png'::text, 'image/jpeg'::text])))
);
ALTER TABLE ONLY public.item_image ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE public.item_option (
    id uuid NOT NULL,
    item_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    text text NOT NULL,
    CONSTRAINT item_option_ordinal_check CHECK (((ordinal >= 1) AND (ordinal <= 5)))
);

CREATE TABLE public.lease (
    attempt_id uuid NOT NULL,
    epoch integer NOT NULL,
    device_hash bytea NOT NULL,
    taken_at timestamp with time zone NOT NULL
);

CREATE TABLE public.makeup_round (
    id uuid NOT NULL,
    province_id text NOT NULL,
    cycle_id uuid NOT NULL,
    body_id uuid NOT NULL,
    opens date NOT NULL,
    closes date NOT NULL,
    opened_by uuid NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    CONSTRAINT makeup_round_check CHECK ((opens <= closes))
);

CREATE TABLE public.migration (
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);

CREATE TABLE public.mobile_code (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid,
    purpose text NOT NULL,
    mobile_hash bytea NOT NULL,
    code_hash bytea NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    used_at timestamp with time zone,
    who bytea NOT NULL,
    CONSTRAINT mobile_code_purpose_check CHECK ((purpose = ANY (ARRAY['activation'::text, 'reset'::text, 'binding'::text, 'change'::text])))
);

CREATE TABLE public.modification_request (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    changes bytea NOT NULL,
    fields text[] NOT NULL,
    reason text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    decision text DEFAULT ''::text NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT modification_request_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200))),
    CONSTRAINT modification_request_state_check CHECK ((state = ANY (ARRAY['open'::text, 'granted'::text, 'refused'::text, 'withdrawn'::text])))
);

CREATE TABLE public.notice (
    id uuid NOT NULL,
    province_id text NOT NULL,
    body_id uuid NOT NULL,
    attempt_id uuid,
    text text NOT NULL,
    sent_by uuid NOT NULL,
    sent_at timestamp with time zone NOT NULL
);

CREATE TABLE public.notice_ack (
    notice_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    acknowledged_at timestamp with time zone NOT NULL
);

CREATE TABLE public.outage (
    id uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    CONSTRAINT outage_check CHECK ((began_at < ended_at))
);

CREATE TABLE public.page_event (
    id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    epoch integer NOT NULL,
    kind text NOT NULL,
    client_time timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL
);

CREATE TABLE public.practice_answer (
    set_id uuid NOT NULL,
    item_id uuid NOT NULL,
    option_id uuid NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE public.practice_set (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    bank_id uuid NOT NULL,
    item_ids uuid[] NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.presence (
    attempt_id uuid NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    epoch integer NOT NULL
);

CREATE TABLE public.presence_gap (
    attempt_id uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL
);

CREATE TABLE public.proctor_check (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid,
    stream_id uuid NOT NULL,
    seq integer NOT NULL,
    purpose text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    verdict text NOT NULL,
    faces integer NOT NULL,
    distance real,
    model text NOT NULL,
    match_threshold real NOT NULL,
    mismatch_threshold real NOT NULL,
    enrolled boolean NOT NULL,
    evidence_id uuid,
    registration_id uuid NOT NULL,
    score real,
    yaw real,
    look bigint,
    frame_hash bytea,
    age_ms integer DEFAULT 0 NOT NULL,
    kept_for text,
    CONSTRAINT proctor_check_age_ms_check CHECK ((age_ms >= 0)),
    CONSTRAINT proctor_check_attempt_check CHECK (((attempt_id IS NULL) = (purpose = 'rehearsal'::text))),
    CONSTRAINT proctor_check_kept_for_check CHECK ((kept_for = ANY (ARRAY['sample'::text, 'doubt'::text, 'around'::text, 'check'::text, 'over_limit'::text]))),
    CONSTRAINT proctor_check_purpose_check CHECK ((purpose = ANY (ARRAY['check'::text, 'paper'::text, 'takeover'::text, 'rehearsal'::text])))
);

CREATE TABLE public.proctor_stream (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid,
    purpose text NOT NULL,
    epoch integer NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    frames integer DEFAULT 0 NOT NULL,
    refused integer DEFAULT 0 NOT NULL,
    device_hash bytea,
    registration_id uuid NOT NULL,
    CONSTRAINT proctor_stream_attempt_check CHECK (((attempt_id IS NULL) = (purpose = 'rehearsal'::text))),
    CONSTRAINT proctor_stream_purpose_check CHECK ((purpose = ANY (ARRAY['check'::text, 'paper'::text, 'takeover'::text, 'rehearsal'::text])))
);

CREATE TABLE public.proctor_thresholds (
    id uuid NOT NULL,
    province_id text NOT NULL,
    model text NOT NULL,
    match_threshold double precision NOT NULL,
    mismatch_threshold double precision NOT NULL,
    set_at timestamp with time zone NOT NULL,
    set_by text NOT NULL,
    note text NOT NULL,
    CONSTRAINT proctor_thresholds_check CHECK ((match_threshold <= mismatch_threshold)),
    CONSTRAINT proctor_thresholds_match_threshold_check CHECK ((match_threshold > (0)::double precision)),
    CONSTRAINT proctor_thresholds_mismatch_threshold_check CHECK ((mismatch_threshold < 'Infinity'::double precision)),
    CONSTRAINT proctor_thresholds_model_check CHECK ((model <> ''::text)),
    CONSTRAINT proctor_thresholds_note_check CHECK ((note <> ''::text)),
    CONSTRAINT proctor_thresholds_set_by_check CHECK ((set_by <> ''::text))
);

CREATE TABLE public.province (
    id text NOT NULL,
    name text NOT NULL,
    authority text DEFAULT '卫生健康委员会'::text NOT NULL,
    entry jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT province_id_check CHECK ((id ~ '^[a-z]+$'::text))
);

CREATE TABLE public.purge (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    cycle_id uuid NOT NULL,
    data_class text NOT NULL,
    key_id uuid,
    items integer NOT NULL,
    bytes bigint NOT NULL,
    digest bytea NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT purge_why_check CHECK ((why = ANY (ARRAY['retention'::text, 'request'::text, 'withdrawal'::text])))
);

CREATE TABLE public.recovery_code (
    account_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE public.registration (
    id uuid NOT NULL,
    province_id text NOT NULL,
    cycle_id uuid NOT NULL,
    account_id uuid NOT NULL,
    institution_id uuid NOT NULL,
    body_id uuid NOT NULL,
    state text NOT NULL,
    procedure text NOT NULL,
    category text NOT NULL,
    level text NOT NULL,
    photo_id uuid,
    photo_reviewed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    department_id uuid,
    submitted_at timestamp with time zone,
    has_bad_records boolean DEFAULT false NOT NULL,
    result text,
    concluded_at timestamp with time zone,
    CONSTRAINT registration_category_check CHECK ((category = ANY (ARRAY['clinical'::text, 'dental'::text, 'tcm'::text, 'public_health'::text]))),
    CONSTRAINT registration_level_check CHECK ((level = ANY (ARRAY['licensed'::text, 'assistant'::text]))),
    CONSTRAINT registration_procedure_check CHECK ((procedure = ANY (ARRAY['simple'::text, 'general'::text]))),
    CONSTRAINT registration_result_check CHECK ((result = ANY (ARRAY['passed'::text, 'failed'::text])))
);

CREATE TABLE public.registration_form (
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    revision integer NOT NULL,
    content bytea NOT NULL,
    saved_at timestamp with time zone NOT NULL,
    page text DEFAULT ''::text NOT NULL,
    page_seq integer DEFAULT 0 NOT NULL,
    passed text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT registration_form_revision_check CHECK ((revision > 0))
);

CREATE TABLE public.registration_move (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    cause text NOT NULL,
    actor_id uuid,
    at timestamp with time zone NOT NULL
);

CREATE TABLE public.registration_review (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    level text NOT NULL,
    decision text NOT NULL,
    checklist text[] DEFAULT '{}'::text[] NOT NULL,
    ratings jsonb,
    upheld boolean,
    reason text DEFAULT ''::text NOT NULL,
    marked text[] DEFAULT '{}'::text[] NOT NULL,
    reviewer_id uuid NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT registration_review_decision_check CHECK ((decision = ANY (ARRAY['approved'::text, 'returned'::text, 'returned_to_institution'::text, 'undone'::text]))),
    CONSTRAINT registration_review_level_check CHECK ((level = ANY (ARRAY['institution'::text, 'body'::text])))
);

CREATE TABLE public.registration_submission (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    content bytea NOT NULL,
    submitted_by uuid NOT NULL,
    submitted_at timestamp with time zone NOT NULL
);

CREATE TABLE public.registration_supervision (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    act text NOT NULL,
    from_institution_id uuid NOT NULL,
    to_institution_id uuid,
    reason text NOT NULL,
    decided_by uuid NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT registration_supervision_act_check CHECK ((act = ANY (ARRAY['moved'::text, 'withdrawn'::text]))),
    CONSTRAINT registration_supervision_check CHECK (((act = 'moved'::text) = (to_institution_id IS NOT NULL)))
);

CREATE TABLE public.registration_upload (
    id uuid NOT NULL,
    registration_id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    slot text NOT NULL,
    state text NOT NULL,
    crop integer[],
    raw_id uuid,
    evidence_id uuid,
    width integer,
    height integer,
    problem text,
    advice text,
    as_face boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    checked_at timestamp with time zone,
    removed_at timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    taken_at timestamp with time zone,
    face_checked_at timestamp with time zone,
    CONSTRAINT registration_upload_kind_check CHECK ((kind = ANY (ARRAY['photo'::text, 'licence'::text, 'evidence'::text]))),
    CONSTRAINT registration_upload_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'accepted'::text, 'refused'::text])))
);

CREATE TABLE public.roster_entry (
    account_id uuid NOT NULL,
    province_id text NOT NULL,
    institution_id uuid,
    department_id uuid,
    name text NOT NULL COLLATE pg_catalog."C",
    sex text,
    born_on date,
    category text NOT NULL,
    level text NOT NULL,
    licensed_on date,
    first_registered_on date,
    details bytea,
    left_at timestamp with time zone,
    left_reason text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT roster_entry_category_check CHECK ((category = ANY (ARRAY['clinical'::text, 'dental'::text, 'tcm'::text, 'public_health'::text]))),
    CONSTRAINT roster_entry_left_reason_check CHECK ((left_reason = ANY (ARRAY['departed'::text, 'retired'::text, 'removed'::text, 'other'::text]))),
    CONSTRAINT roster_entry_level_check CHECK ((level = ANY (ARRAY['licensed'::text, 'assistant'::text]))),
    CONSTRAINT roster_entry_sex_check CHECK ((sex = ANY (ARRAY['male'::text, 'female'::text])))
);

CREATE TABLE public.roster_import (
    id uuid NOT NULL,
    province_id text NOT NULL,
    institution_id uuid NOT NULL,
    asked_by uuid NOT NULL,
    file_name text NOT NULL,
    file bytea,
    state text NOT NULL,
    rows integer DEFAULT 0 NOT NULL,
    checked integer DEFAULT 0 NOT NULL,
    added integer DEFAULT 0 NOT NULL,
    problems jsonb DEFAULT '[]'::jsonb NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    beat_at timestamp with time zone,
    done_at timestamp with time zone,
    tries smallint DEFAULT 0 NOT NULL,
    CONSTRAINT roster_import_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'checking'::text, 'done'::text, 'refused'::text])))
);

CREATE TABLE public.service_pulse (
    only_row boolean DEFAULT true NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT service_pulse_only_row_check CHECK (only_row)
);

CREATE TABLE public.session (
    token_hash bytea NOT NULL,
    account_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    device text DEFAULT ''::text NOT NULL
);

CREATE TABLE public.sms_outbox (
    id uuid NOT NULL,
    mobile text NOT NULL,
    text text NOT NULL,
    sent_at timestamp with time zone NOT NULL
);

CREATE TABLE public.takeover (
    attempt_id uuid NOT NULL,
    device_hash bytea NOT NULL,
    allowed_at timestamp with time zone NOT NULL,
    verified boolean NOT NULL
);

CREATE TABLE public.termination (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid NOT NULL,
    reason text NOT NULL,
    requested_by uuid NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT termination_state_check CHECK ((state = ANY (ARRAY['open'::text, 'carried_out'::text, 'withdrawn'::text])))
);

CREATE TABLE public.time_credit (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid NOT NULL,
    kind text NOT NULL,
    seconds integer NOT NULL,
    outage_id uuid,
    request_id uuid,
    reason text NOT NULL,
    granted_by uuid,
    granted_at timestamp with time zone NOT NULL,
    CONSTRAINT time_credit_kind_check CHECK ((kind = ANY (ARRAY['outage'::text, 'request'::text, 'extension'::text]))),
    CONSTRAINT time_credit_seconds_check CHECK ((seconds > 0))
);

CREATE TABLE public.time_override (
    registration_id uuid NOT NULL,
    subject text NOT NULL,
    province_id text NOT NULL,
    extra_minutes integer NOT NULL,
    reason text NOT NULL,
    granted_by uuid NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    CONSTRAINT time_override_extra_minutes_check CHECK ((extra_minutes > 0))
);

CREATE TABLE public.time_request (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    note text DEFAULT ''::text NOT NULL,
    CONSTRAINT time_request_state_check CHECK ((state = ANY (ARRAY['open'::text, 'granted'::text, 'refused'::text])))
);

CREATE TABLE public.transfer (
    id uuid NOT NULL,
    province_id text NOT NULL,
    account_id uuid NOT NULL,
    from_institution_id uuid,
    to_institution_id uuid NOT NULL,
    reason text NOT NULL,
    asked_by uuid NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    decision text,
    CONSTRAINT transfer_state_check CHECK ((state = ANY (ARRAY['open'::text, 'agreed'::text, 'refused'::text, 'withdrawn'::text])))
);

CREATE TABLE public.watch_duty (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid NOT NULL,
    account_id uuid,
    assigned_by uuid NOT NULL,
    assigned_at timestamp with time zone NOT NULL,
    note text NOT NULL
);

CREATE TABLE public.watch_note (
    id uuid NOT NULL,
    province_id text NOT NULL,
    attempt_id uuid NOT NULL,
    text text NOT NULL,
    written_by uuid NOT NULL,
    written_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_province_id_document_hash_key UNIQUE (province_id, document_hash);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_username_key UNIQUE (username);

ALTER TABLE ONLY public.activation_request
    ADD CONSTRAINT activation_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.activation_slip
    ADD CONSTRAINT activation_slip_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.admission_act_item
    ADD CONSTRAINT admission_act_item_pkey PRIMARY KEY (act_id, account_id);

ALTER TABLE ONLY public.admission_act
    ADD CONSTRAINT admission_act_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.alternative_sitting
    ADD CONSTRAINT alternative_sitting_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.answer_acceptance
    ADD CONSTRAINT answer_acceptance_pkey PRIMARY KEY (attempt_id, number);

ALTER TABLE ONLY public.answer_event
    ADD CONSTRAINT answer_event_attempt_id_number_key UNIQUE (attempt_id, number);

ALTER TABLE ONLY public.answer_event
    ADD CONSTRAINT answer_event_pkey PRIMARY KEY (attempt_id, epoch, seq);

ALTER TABLE ONLY public.answer
    ADD CONSTRAINT answer_pkey PRIMARY KEY (attempt_id, item_id);

ALTER TABLE ONLY public.attempt_item
    ADD CONSTRAINT attempt_item_attempt_id_item_id_key UNIQUE (attempt_id, item_id);

ALTER TABLE ONLY public.attempt_item
    ADD CONSTRAINT attempt_item_pkey PRIMARY KEY (attempt_id, "position");

ALTER TABLE ONLY public.attempt_move
    ADD CONSTRAINT attempt_move_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.attempt_receipt
    ADD CONSTRAINT attempt_receipt_pkey PRIMARY KEY (attempt_id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_registration_id_subject_ordinal_key UNIQUE (registration_id, subject, ordinal);

ALTER TABLE ONLY public.audit_entry
    ADD CONSTRAINT audit_entry_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_head
    ADD CONSTRAINT audit_head_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.bank
    ADD CONSTRAINT bank_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.bank
    ADD CONSTRAINT bank_province_id_title_key UNIQUE (province_id, title);

ALTER TABLE ONLY public.body_application
    ADD CONSTRAINT body_application_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.body
    ADD CONSTRAINT body_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.body
    ADD CONSTRAINT body_province_id_name_key UNIQUE (province_id, name);

ALTER TABLE ONLY public.captcha_answered
    ADD CONSTRAINT captcha_answered_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cycle_body
    ADD CONSTRAINT cycle_body_pkey PRIMARY KEY (cycle_id, body_id);

ALTER TABLE ONLY public.cycle_institution
    ADD CONSTRAINT cycle_institution_pkey PRIMARY KEY (cycle_id, institution_id);

ALTER TABLE ONLY public.cycle
    ADD CONSTRAINT cycle_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.data_key
    ADD CONSTRAINT data_key_account_id_cycle_id_data_class_key UNIQUE NULLS NOT DISTINCT (account_id, cycle_id, data_class);

ALTER TABLE ONLY public.data_key
    ADD CONSTRAINT data_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_attempt_id_key UNIQUE (attempt_id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deletion_request
    ADD CONSTRAINT deletion_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.department
    ADD CONSTRAINT department_institution_id_name_key UNIQUE (institution_id, name);

ALTER TABLE ONLY public.department
    ADD CONSTRAINT department_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.drawn_paper
    ADD CONSTRAINT drawn_paper_pkey PRIMARY KEY (registration_id, subject, ordinal);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_registration_id_model_key UNIQUE (registration_id, model);

ALTER TABLE ONLY public.evidence
    ADD CONSTRAINT evidence_path_key UNIQUE (path);

ALTER TABLE ONLY public.evidence
    ADD CONSTRAINT evidence_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.exam_site
    ADD CONSTRAINT exam_site_body_id_name_key UNIQUE (body_id, name);

ALTER TABLE ONLY public.exam_site
    ADD CONSTRAINT exam_site_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.exemption_application
    ADD CONSTRAINT exemption_application_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.exemption_decision
    ADD CONSTRAINT exemption_decision_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.exemption
    ADD CONSTRAINT exemption_pkey PRIMARY KEY (registration_id, subject);

ALTER TABLE ONLY public.finding_review
    ADD CONSTRAINT finding_review_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.identity_check
    ADD CONSTRAINT identity_check_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.institution
    ADD CONSTRAINT institution_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.institution
    ADD CONSTRAINT institution_province_id_name_key UNIQUE (province_id, name);

ALTER TABLE ONLY public.item_image
    ADD CONSTRAINT item_image_pkey PRIMARY KEY (item_id);

ALTER TABLE ONLY public.item_option
    ADD CONSTRAINT item_option_item_id_id_key UNIQUE (item_id, id);

ALTER TABLE ONLY public.item_option
    ADD CONSTRAINT item_option_item_id_ordinal_key UNIQUE (item_id, ordinal);

ALTER TABLE ONLY public.item_option
    ADD CONSTRAINT item_option_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (attempt_id, epoch);

ALTER TABLE ONLY public.makeup_round
    ADD CONSTRAINT makeup_round_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.mobile_code
    ADD CONSTRAINT mobile_code_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.modification_request
    ADD CONSTRAINT modification_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.notice_ack
    ADD CONSTRAINT notice_ack_pkey PRIMARY KEY (notice_id, attempt_id);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outage
    ADD CONSTRAINT outage_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.page_event
    ADD CONSTRAINT page_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.practice_answer
    ADD CONSTRAINT practice_answer_pkey PRIMARY KEY (set_id, item_id);

ALTER TABLE ONLY public.practice_set
    ADD CONSTRAINT practice_set_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.presence_gap
    ADD CONSTRAINT presence_gap_pkey PRIMARY KEY (attempt_id, began_at);

ALTER TABLE ONLY public.presence
    ADD CONSTRAINT presence_pkey PRIMARY KEY (attempt_id);

ALTER TABLE ONLY public.proctor_check
    ADD CONSTRAINT proctor_check_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.proctor_check
    ADD CONSTRAINT proctor_check_stream_id_seq_key UNIQUE (stream_id, seq);

ALTER TABLE ONLY public.proctor_stream
    ADD CONSTRAINT proctor_stream_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.proctor_thresholds
    ADD CONSTRAINT proctor_thresholds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.province
    ADD CONSTRAINT province_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.purge
    ADD CONSTRAINT purge_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_pkey PRIMARY KEY (account_id, code_hash);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_cycle_id_account_id_key UNIQUE (cycle_id, account_id);

ALTER TABLE ONLY public.registration_form
    ADD CONSTRAINT registration_form_pkey PRIMARY KEY (registration_id);

ALTER TABLE ONLY public.registration_move
    ADD CONSTRAINT registration_move_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registration_review
    ADD CONSTRAINT registration_review_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registration_submission
    ADD CONSTRAINT registration_submission_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registration_supervision
    ADD CONSTRAINT registration_supervision_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.registration_upload
    ADD CONSTRAINT registration_upload_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.roster_entry
    ADD CONSTRAINT roster_entry_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.roster_import
    ADD CONSTRAINT roster_import_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.service_pulse
    ADD CONSTRAINT service_pulse_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.sms_outbox
    ADD CONSTRAINT sms_outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.takeover
    ADD CONSTRAINT takeover_pkey PRIMARY KEY (attempt_id, device_hash);

ALTER TABLE ONLY public.termination
    ADD CONSTRAINT termination_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_attempt_id_outage_id_key UNIQUE (attempt_id, outage_id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_request_id_key UNIQUE (request_id);

ALTER TABLE ONLY public.time_override
    ADD CONSTRAINT time_override_pkey PRIMARY KEY (registration_id, subject);

ALTER TABLE ONLY public.time_request
    ADD CONSTRAINT time_request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transfer
    ADD CONSTRAINT transfer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.watch_duty
    ADD CONSTRAINT watch_duty_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.watch_note
    ADD CONSTRAINT watch_note_pkey PRIMARY KEY (id);

CREATE INDEX account_body ON public.account USING btree (body_id) WHERE (body_id IS NOT NULL);

CREATE INDEX account_institution ON public.account USING btree (institution_id) WHERE (institution_id IS NOT NULL);

CREATE UNIQUE INDEX account_mobile ON public.account USING btree (province_id, mobile_hash) WHERE ((mobile_bound_at IS NOT NULL) AND (role = 'physician'::text));

CREATE INDEX account_physician_name ON public.account USING btree (province_id, name COLLATE "C", id) WHERE (role = 'physician'::text);

CREATE INDEX activation_request_institution ON public.activation_request USING btree (institution_id, id) WHERE (state = 'open'::text);

CREATE UNIQUE INDEX activation_request_open ON public.activation_request USING btree (account_id) WHERE (state = 'open'::text);

CREATE UNIQUE INDEX activation_slip_live ON public.activation_slip USING btree (account_id) WHERE ((used_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX admission_act_actor ON public.admission_act USING btree (actor_id, id DESC);

CREATE INDEX alternative_sitting_body ON public.alternative_sitting USING btree (body_id, asked_at) WHERE (state <> 'withdrawn'::text);

CREATE UNIQUE INDEX alternative_sitting_current ON public.alternative_sitting USING btree (registration_id) WHERE (state <> 'withdrawn'::text);

CREATE INDEX attempt_account ON public.attempt USING btree (account_id);

CREATE INDEX attempt_body ON public.attempt USING btree (province_id, body_id, id);

CREATE INDEX attempt_due ON public.attempt USING btree (deadline) WHERE (state = ANY (ARRAY['admitted'::text, 'running'::text, 'closing'::text]));

CREATE INDEX attempt_move_attempt ON public.attempt_move USING btree (attempt_id, id);

CREATE UNIQUE INDEX attempt_open ON public.attempt USING btree (registration_id, subject) WHERE (state = ANY (ARRAY['prepared'::text, 'admitted'::text, 'running'::text, 'closing'::text, 'closed'::text]));

CREATE INDEX attempt_unmarked ON public.attempt USING btree (id) WHERE (state = 'closed'::text);

CREATE INDEX attempt_watched ON public.attempt USING btree (body_id) WHERE (state = ANY (ARRAY['prepared'::text, 'admitted'::text, 'running'::text]));

CREATE INDEX audit_entry_import ON public.audit_entry USING btree (subject_id) WHERE (action = 'answers.imported'::text);

CREATE INDEX audit_entry_lease ON public.audit_entry USING btree (subject_id) WHERE (action = 'lease.released'::text);

CREATE INDEX audit_entry_subject ON public.audit_entry USING btree (province_id, subject_id, id);

CREATE INDEX audit_entry_unsealed ON public.audit_entry USING btree (id) WHERE (NOT sealed);

CREATE UNIQUE INDEX audit_entry_view ON public.audit_entry USING btree (actor_id, subject_id, action, minute) WHERE (minute IS NOT NULL);

CREATE UNIQUE INDEX body_application_open ON public.body_application USING btree (cycle_id, institution_id) WHERE (state = ANY (ARRAY['open'::text, 'granted'::text]));

CREATE INDEX body_application_province ON public.body_application USING btree (province_id, cycle_id, id);

CREATE UNIQUE INDEX body_name ON public.body USING btree (province_id, name COLLATE "C");

CREATE INDEX captcha_answered_at ON public.captcha_answered USING btree (answered_at);

CREATE INDEX consent_account ON public.consent USING btree (account_id, id);

CREATE UNIQUE INDEX consent_in_force ON public.consent USING btree (account_id, purpose) WHERE ((withdrawn_at IS NULL) AND (declined_at IS NULL));

CREATE INDEX cycle_institution_body ON public.cycle_institution USING btree (body_id);

CREATE INDEX cycle_province ON public.cycle USING btree (province_id);

CREATE UNIQUE INDEX deletion_request_open ON public.deletion_request USING btree (account_id) WHERE ((carried_out_at IS NULL) AND (withdrawn_at IS NULL));

CREATE INDEX department_institution ON public.department USING btree (institution_id, id);

CREATE INDEX evidence_key ON public.evidence USING btree (key_id);

CREATE UNIQUE INDEX exemption_application_open ON public.exemption_application USING btree (registration_id, subject) WHERE (state = ANY (ARRAY['institution'::text, 'body'::text, 'granted'::text]));

CREATE INDEX exemption_application_registration ON public.exemption_application USING btree (registration_id, id);

CREATE INDEX exemption_application_waiting ON public.exemption_application USING btree (state, id) WHERE (state = ANY (ARRAY['institution'::text, 'body'::text]));

CREATE INDEX exemption_decision_application ON public.exemption_decision USING btree (application_id, id);

CREATE INDEX exemption_decision_level ON public.exemption_decision USING btree (level, id DESC);

CREATE INDEX finding_review_attempt ON public.finding_review USING btree (attempt_id, id);

CREATE INDEX identity_check_subject ON public.identity_check USING btree (registration_id, attempt_id, purpose, id);

CREATE UNIQUE INDEX identity_check_undecided ON public.identity_check USING btree (registration_id, attempt_id, purpose) NULLS NOT DISTINCT WHERE (state = ANY (ARRAY['open'::text, 'waiting'::text]));

CREATE UNIQUE INDEX institution_name ON public.institution USING btree (province_id, name COLLATE "C");

CREATE INDEX item_bank ON public.item USING btree (bank_id, use);

CREATE INDEX makeup_round_body ON public.makeup_round USING btree (cycle_id, body_id, opens);

CREATE INDEX mobile_code_mobile ON public.mobile_code USING btree (mobile_hash, sent_at) WHERE (account_id IS NOT NULL);

CREATE INDEX mobile_code_sent ON public.mobile_code USING btree (sent_at);

CREATE INDEX mobile_code_who ON public.mobile_code USING btree (who, sent_at);

CREATE INDEX modification_request_decided ON public.modification_request USING btree (id DESC) WHERE (state = ANY (ARRAY['granted'::text, 'refused'::text]));

CREATE UNIQUE INDEX modification_request_open ON public.modification_request USING btree (registration_id) WHERE (state = 'open'::text);

CREATE INDEX modification_request_registration ON public.modification_request USING btree (registration_id, id);

CREATE INDEX modification_request_waiting ON public.modification_request USING btree (id) WHERE (state = 'open'::text);

CREATE INDEX notice_attempt ON public.notice USING btree (attempt_id, sent_at) WHERE (attempt_id IS NOT NULL);

CREATE INDEX notice_body ON public.notice USING btree (body_id, sent_at);

CREATE INDEX outage_ended ON public.outage USING btree (ended_at);

CREATE INDEX page_event_attempt ON public.page_event USING btree (attempt_id, id);

CREATE INDEX practice_set_account ON public.practice_set USING btree (account_id, id);

CREATE INDEX proctor_check_attempt ON public.proctor_check USING btree (attempt_id, received_at);

CREATE INDEX proctor_check_evidence ON public.proctor_check USING btree (evidence_id) WHERE (evidence_id IS NOT NULL);

CREATE INDEX proctor_check_frame ON public.proctor_check USING btree (registration_id, frame_hash);

CREATE INDEX proctor_check_registration ON public.proctor_check USING btree (registration_id, received_at) WHERE (attempt_id IS NULL);

CREATE INDEX proctor_stream_attempt ON public.proctor_stream USING btree (attempt_id, id) WHERE (attempt_id IS NOT NULL);

CREATE INDEX proctor_stream_registration ON public.proctor_stream USING btree (registration_id, attempt_id, id);

CREATE INDEX proctor_thresholds_newest ON public.proctor_thresholds USING btree (province_id, model, set_at, id);

CREATE INDEX purge_account ON public.purge USING btree (account_id, id);

CREATE INDEX purge_cycle ON public.purge USING btree (cycle_id, id);

CREATE INDEX registration_account ON public.registration USING btree (account_id);

CREATE INDEX registration_body ON public.registration USING btree (province_id, body_id, state);

CREATE INDEX registration_body_order ON public.registration USING btree (body_id, id);

CREATE INDEX registration_body_queue ON public.registration USING btree (body_id, state, submitted_at, id);

CREATE INDEX registration_body_submitted ON public.registration USING btree (body_id, cycle_id, submitted_at, id) WHERE (submitted_at IS NOT NULL);

CREATE INDEX registration_cycle ON public.registration USING btree (cycle_id, state, id);

CREATE INDEX registration_department ON public.registration USING btree (department_id) WHERE (department_id IS NOT NULL);

CREATE INDEX registration_department_queue ON public.registration USING btree (department_id, submitted_at, id) WHERE (department_id IS NOT NULL);

CREATE INDEX registration_institution ON public.registration USING btree (province_id, institution_id, state);

CREATE INDEX registration_institution_queue ON public.registration USING btree (institution_id, state, submitted_at, id);

CREATE INDEX registration_institution_submitted ON public.registration USING btree (institution_id, cycle_id, submitted_at, id) WHERE (submitted_at IS NOT NULL);

CREATE INDEX registration_move_registration ON public.registration_move USING btree (registration_id, id);

CREATE INDEX registration_progress ON public.registration USING btree (cycle_id, body_id, institution_id, state) INCLUDE (province_id);

CREATE INDEX registration_progress_institution ON public.registration USING btree (institution_id, cycle_id, state) INCLUDE (body_id, province_id);

CREATE INDEX registration_review_registration ON public.registration_review USING btree (registration_id, id DESC);

CREATE INDEX registration_review_reviewer ON public.registration_review USING btree (reviewer_id, decided_at);

CREATE INDEX registration_submission_registration ON public.registration_submission USING btree (registration_id, id DESC);

CREATE INDEX registration_submitted ON public.registration USING btree (cycle_id, submitted_at, id) WHERE (submitted_at IS NOT NULL);

CREATE INDEX registration_supervision_registration ON public.registration_supervision USING btree (registration_id, id);

CREATE INDEX registration_upload_document ON public.registration_upload USING btree (id) WHERE ((kind = 'photo'::text) AND (state = 'accepted'::text) AND (face_checked_at IS NULL) AND (removed_at IS NULL));

CREATE INDEX registration_upload_pending ON public.registration_upload USING btree (id) WHERE ((state = 'pending'::text) AND (removed_at IS NULL));

CREATE INDEX registration_upload_registration ON public.registration_upload USING btree (registration_id, id) WHERE (removed_at IS NULL);

CREATE INDEX roster_department ON public.roster_entry USING btree (department_id, account_id) WHERE (department_id IS NOT NULL);

CREATE INDEX roster_import_institution ON public.roster_import USING btree (institution_id, id DESC);

CREATE INDEX roster_import_open ON public.roster_import USING btree (id) WHERE (state = ANY (ARRAY['waiting'::text, 'checking'::text]));

CREATE INDEX roster_institution ON public.roster_entry USING btree (institution_id, account_id) WHERE (institution_id IS NOT NULL);

CREATE INDEX roster_institution_born ON public.roster_entry USING btree (institution_id, born_on);

CREATE INDEX roster_institution_first ON public.roster_entry USING btree (institution_id, first_registered_on);

CREATE INDEX roster_institution_name ON public.roster_entry USING btree (institution_id, name);

CREATE INDEX roster_province ON public.roster_entry USING btree (province_id, account_id);

CREATE INDEX session_account ON public.session USING btree (account_id);

CREATE INDEX session_ends ON public.session USING btree (ends_at);

CREATE INDEX sms_outbox_sent ON public.sms_outbox USING btree (sent_at);

CREATE INDEX termination_attempt ON public.termination USING btree (attempt_id, id);

CREATE UNIQUE INDEX termination_open ON public.termination USING btree (attempt_id) WHERE (state = 'open'::text);

CREATE INDEX time_request_attempt ON public.time_request USING btree (attempt_id, id);

CREATE UNIQUE INDEX time_request_open ON public.time_request USING btree (attempt_id) WHERE (state = 'open'::text);

CREATE INDEX transfer_account ON public.transfer USING btree (account_id, id);

CREATE INDEX transfer_from ON public.transfer USING btree (from_institution_id, id);

CREATE UNIQUE INDEX transfer_open ON public.transfer USING btree (account_id) WHERE (state = 'open'::text);

CREATE INDEX transfer_to ON public.transfer USING btree (to_institution_id, id);

CREATE INDEX watch_duty_attempt ON public.watch_duty USING btree (attempt_id, id DESC);

CREATE INDEX watch_note_attempt ON public.watch_note USING btree (attempt_id, id);

CREATE TRIGGER answer_event_is_append_only BEFORE DELETE OR UPDATE ON public.answer_event FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER finding_review_is_append_only BEFORE DELETE OR UPDATE ON public.finding_review FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER proctor_thresholds_is_append_only BEFORE DELETE OR UPDATE ON public.proctor_thresholds FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER purge_is_append_only BEFORE DELETE OR UPDATE ON public.purge FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER watch_duty_is_append_only BEFORE DELETE OR UPDATE ON public.watch_duty FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER watch_note_is_append_only BEFORE DELETE OR UPDATE ON public.watch_note FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.activation_request
    ADD CONSTRAINT activation_request_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.activation_request
    ADD CONSTRAINT activation_request_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.activation_request
    ADD CONSTRAINT activation_request_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.activation_request
    ADD CONSTRAINT activation_request_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.activation_slip
    ADD CONSTRAINT activation_slip_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.activation_slip
    ADD CONSTRAINT activation_slip_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.activation_slip
    ADD CONSTRAINT activation_slip_printed_by_fkey FOREIGN KEY (printed_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.activation_slip
    ADD CONSTRAINT activation_slip_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.admission_act
    ADD CONSTRAINT admission_act_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.admission_act
    ADD CONSTRAINT admission_act_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.admission_act_item
    ADD CONSTRAINT admission_act_item_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.admission_act_item
    ADD CONSTRAINT admission_act_item_act_id_fkey FOREIGN KEY (act_id) REFERENCES public.admission_act(id);

ALTER TABLE ONLY public.admission_act_item
    ADD CONSTRAINT admission_act_item_department_id_fkey FOREIGN KEY (department_id) REFERENCES public.department(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.admission_act_item
    ADD CONSTRAINT admission_act_item_move_id_fkey FOREIGN KEY (move_id) REFERENCES public.registration_move(id);

ALTER TABLE ONLY public.admission_act_item
    ADD CONSTRAINT admission_act_item_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.admission_act
    ADD CONSTRAINT admission_act_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.alternative_sitting
    ADD CONSTRAINT alternative_sitting_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.alternative_sitting
    ADD CONSTRAINT alternative_sitting_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.alternative_sitting
    ADD CONSTRAINT alternative_sitting_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.alternative_sitting
    ADD CONSTRAINT alternative_sitting_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.answer_acceptance
    ADD CONSTRAINT answer_acceptance_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.answer_acceptance
    ADD CONSTRAINT answer_acceptance_attempt_id_number_fkey FOREIGN KEY (attempt_id, number) REFERENCES public.answer_event(attempt_id, number);

ALTER TABLE ONLY public.answer
    ADD CONSTRAINT answer_attempt_id_item_id_fkey FOREIGN KEY (attempt_id, item_id) REFERENCES public.attempt_item(attempt_id, item_id);

ALTER TABLE ONLY public.answer_event
    ADD CONSTRAINT answer_event_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES public.cycle(id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.attempt_item
    ADD CONSTRAINT attempt_item_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.attempt_item
    ADD CONSTRAINT attempt_item_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.item(id);

ALTER TABLE ONLY public.attempt_move
    ADD CONSTRAINT attempt_move_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.attempt_move
    ADD CONSTRAINT attempt_move_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.attempt_receipt
    ADD CONSTRAINT attempt_receipt_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_round_id_fkey FOREIGN KEY (round_id) REFERENCES public.makeup_round(id);

ALTER TABLE ONLY public.bank
    ADD CONSTRAINT bank_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.body_application
    ADD CONSTRAINT body_application_applied_by_fkey FOREIGN KEY (applied_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.body_application
    ADD CONSTRAINT body_application_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.body_application
    ADD CONSTRAINT body_application_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES public.cycle(id);

ALTER TABLE ONLY public.body_application
    ADD CONSTRAINT body_application_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.body_application
    ADD CONSTRAINT body_application_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.body_application
    ADD CONSTRAINT body_application_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.body
    ADD CONSTRAINT body_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.cycle_body
    ADD CONSTRAINT cycle_body_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.cycle_body
    ADD CONSTRAINT cycle_body_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES public.cycle(id);

ALTER TABLE ONLY public.cycle_body
    ADD CONSTRAINT cycle_body_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.cycle_institution
    ADD CONSTRAINT cycle_institution_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.cycle_institution
    ADD CONSTRAINT cycle_institution_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES public.cycle(id);

ALTER TABLE ONLY public.cycle_institution
    ADD CONSTRAINT cycle_institution_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.cycle_institution
    ADD CONSTRAINT cycle_institution_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.cycle
    ADD CONSTRAINT cycle_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.deletion_request
    ADD CONSTRAINT deletion_request_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.deletion_request
    ADD CONSTRAINT deletion_request_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.department
    ADD CONSTRAINT department_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.department
    ADD CONSTRAINT department_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.drawn_paper
    ADD CONSTRAINT drawn_paper_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.exam_site
    ADD CONSTRAINT exam_site_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.exam_site
    ADD CONSTRAINT exam_site_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.exemption_application
    ADD CONSTRAINT exemption_application_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.exemption_application
    ADD CONSTRAINT exemption_application_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.exemption_decision
    ADD CONSTRAINT exemption_decision_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.exemption_application(id);

ALTER TABLE ONLY public.exemption_decision
    ADD CONSTRAINT exemption_decision_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.exemption_decision
    ADD CONSTRAINT exemption_decision_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.exemption
    ADD CONSTRAINT exemption_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.exemption
    ADD CONSTRAINT exemption_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.exemption
    ADD CONSTRAINT exemption_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.finding_review
    ADD CONSTRAINT finding_review_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.finding_review
    ADD CONSTRAINT finding_review_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.finding_review
    ADD CONSTRAINT finding_review_reviewed_by_fkey FOREIGN KEY (reviewed_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.identity_check
    ADD CONSTRAINT identity_check_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.identity_check
    ADD CONSTRAINT identity_check_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.identity_check
    ADD CONSTRAINT identity_check_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.identity_check
    ADD CONSTRAINT identity_check_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.identity_check
    ADD CONSTRAINT identity_check_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.institution
    ADD CONSTRAINT institution_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_bank_id_fkey FOREIGN KEY (bank_id) REFERENCES public.bank(id);

ALTER TABLE ONLY public.item_image
    ADD CONSTRAINT item_image_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.item(id);

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_key FOREIGN KEY (id, key_id) REFERENCES public.item_option(item_id, id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.item_option
    ADD CONSTRAINT item_option_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.item(id);

ALTER TABLE ONLY public.item
    ADD CONSTRAINT item_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.makeup_round
    ADD CONSTRAINT makeup_round_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.makeup_round
    ADD CONSTRAINT makeup_round_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES public.cycle(id);

ALTER TABLE ONLY public.makeup_round
    ADD CONSTRAINT makeup_round_opened_by_fkey FOREIGN KEY (opened_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.makeup_round
    ADD CONSTRAINT makeup_round_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.mobile_code
    ADD CONSTRAINT mobile_code_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.mobile_code
    ADD CONSTRAINT mobile_code_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.modification_request
    ADD CONSTRAINT modification_request_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.modification_request
    ADD CONSTRAINT modification_request_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.modification_request
    ADD CONSTRAINT modification_request_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.notice_ack
    ADD CONSTRAINT notice_ack_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.notice_ack
    ADD CONSTRAINT notice_ack_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES public.notice(id);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_sent_by_fkey FOREIGN KEY (sent_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.page_event
    ADD CONSTRAINT page_event_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.practice_answer
    ADD CONSTRAINT practice_answer_item_id_fkey FOREIGN KEY (item_id) REFERENCES public.item(id);

ALTER TABLE ONLY public.practice_answer
    ADD CONSTRAINT practice_answer_option_id_fkey FOREIGN KEY (option_id) REFERENCES public.item_option(id);

ALTER TABLE ONLY public.practice_answer
    ADD CONSTRAINT practice_answer_set_id_fkey FOREIGN KEY (set_id) REFERENCES public.practice_set(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.practice_set
    ADD CONSTRAINT practice_set_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.practice_set
    ADD CONSTRAINT practice_set_bank_id_fkey FOREIGN KEY (bank_id) REFERENCES public.bank(id);

ALTER TABLE ONLY public.practice_set
    ADD CONSTRAINT practice_set_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.presence
    ADD CONSTRAINT presence_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.presence_gap
    ADD CONSTRAINT presence_gap_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.proctor_check
    ADD CONSTRAINT proctor_check_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.proctor_check
    ADD CONSTRAINT proctor_check_evidence_id_fkey FOREIGN KEY (evidence_id) REFERENCES public.evidence(id);

ALTER TABLE ONLY public.proctor_check
    ADD CONSTRAINT proctor_check_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.proctor_check
    ADD CONSTRAINT proctor_check_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.proctor_check
    ADD CONSTRAINT proctor_check_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES public.proctor_stream(id);

ALTER TABLE ONLY public.proctor_stream
    ADD CONSTRAINT proctor_stream_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.proctor_stream
    ADD CONSTRAINT proctor_stream_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.proctor_stream
    ADD CONSTRAINT proctor_stream_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.proctor_thresholds
    ADD CONSTRAINT proctor_thresholds_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.purge
    ADD CONSTRAINT purge_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.purge
    ADD CONSTRAINT purge_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES public.cycle(id);

ALTER TABLE ONLY public.purge
    ADD CONSTRAINT purge_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_body_id_fkey FOREIGN KEY (body_id) REFERENCES public.body(id);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_cycle_id_fkey FOREIGN KEY (cycle_id) REFERENCES public.cycle(id);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_department_id_fkey FOREIGN KEY (department_id) REFERENCES public.department(id);

ALTER TABLE ONLY public.registration_form
    ADD CONSTRAINT registration_form_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.registration_form
    ADD CONSTRAINT registration_form_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.registration_move
    ADD CONSTRAINT registration_move_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.registration_move
    ADD CONSTRAINT registration_move_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_photo_id_fkey FOREIGN KEY (photo_id) REFERENCES public.evidence(id);

ALTER TABLE ONLY public.registration
    ADD CONSTRAINT registration_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.registration_review
    ADD CONSTRAINT registration_review_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.registration_review
    ADD CONSTRAINT registration_review_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.registration_review
    ADD CONSTRAINT registration_review_reviewer_id_fkey FOREIGN KEY (reviewer_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.registration_submission
    ADD CONSTRAINT registration_submission_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.registration_submission
    ADD CONSTRAINT registration_submission_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.registration_submission
    ADD CONSTRAINT registration_submission_submitted_by_fkey FOREIGN KEY (submitted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.registration_supervision
    ADD CONSTRAINT registration_supervision_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.registration_supervision
    ADD CONSTRAINT registration_supervision_from_institution_id_fkey FOREIGN KEY (from_institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.registration_supervision
    ADD CONSTRAINT registration_supervision_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.registration_supervision
    ADD CONSTRAINT registration_supervision_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.registration_supervision
    ADD CONSTRAINT registration_supervision_to_institution_id_fkey FOREIGN KEY (to_institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.registration_upload
    ADD CONSTRAINT registration_upload_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.registration_upload
    ADD CONSTRAINT registration_upload_evidence_id_fkey FOREIGN KEY (evidence_id) REFERENCES public.evidence(id);

ALTER TABLE ONLY public.registration_upload
    ADD CONSTRAINT registration_upload_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.registration_upload
    ADD CONSTRAINT registration_upload_raw_id_fkey FOREIGN KEY (raw_id) REFERENCES public.evidence(id);

ALTER TABLE ONLY public.registration_upload
    ADD CONSTRAINT registration_upload_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.roster_entry
    ADD CONSTRAINT roster_entry_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.roster_entry
    ADD CONSTRAINT roster_entry_department_id_fkey FOREIGN KEY (department_id) REFERENCES public.department(id);

ALTER TABLE ONLY public.roster_entry
    ADD CONSTRAINT roster_entry_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.roster_entry
    ADD CONSTRAINT roster_entry_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.roster_import
    ADD CONSTRAINT roster_import_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.roster_import
    ADD CONSTRAINT roster_import_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.roster_import
    ADD CONSTRAINT roster_import_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.takeover
    ADD CONSTRAINT takeover_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.termination
    ADD CONSTRAINT termination_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.termination
    ADD CONSTRAINT termination_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.termination
    ADD CONSTRAINT termination_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.termination
    ADD CONSTRAINT termination_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_outage_id_fkey FOREIGN KEY (outage_id) REFERENCES public.outage(id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.time_credit
    ADD CONSTRAINT time_credit_request_id_fkey FOREIGN KEY (request_id) REFERENCES public.time_request(id);

ALTER TABLE ONLY public.time_override
    ADD CONSTRAINT time_override_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.time_override
    ADD CONSTRAINT time_override_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.time_override
    ADD CONSTRAINT time_override_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registration(id);

ALTER TABLE ONLY public.time_request
    ADD CONSTRAINT time_request_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.time_request
    ADD CONSTRAINT time_request_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.time_request
    ADD CONSTRAINT time_request_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.transfer
    ADD CONSTRAINT transfer_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.transfer
    ADD CONSTRAINT transfer_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.transfer
    ADD CONSTRAINT transfer_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.transfer
    ADD CONSTRAINT transfer_from_institution_id_fkey FOREIGN KEY (from_institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.transfer
    ADD CONSTRAINT transfer_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.transfer
    ADD CONSTRAINT transfer_to_institution_id_fkey FOREIGN KEY (to_institution_id) REFERENCES public.institution(id);

ALTER TABLE ONLY public.watch_duty
    ADD CONSTRAINT watch_duty_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id);

ALTER TABLE ONLY public.watch_duty
    ADD CONSTRAINT watch_duty_assigned_by_fkey FOREIGN KEY (assigned_by) REFERENCES public.account(id);

ALTER TABLE ONLY public.watch_duty
    ADD CONSTRAINT watch_duty_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.watch_duty
    ADD CONSTRAINT watch_duty_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.watch_note
    ADD CONSTRAINT watch_note_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES public.attempt(id);

ALTER TABLE ONLY public.watch_note
    ADD CONSTRAINT watch_note_province_id_fkey FOREIGN KEY (province_id) REFERENCES public.province(id);

ALTER TABLE ONLY public.watch_note
    ADD CONSTRAINT watch_note_written_by_fkey FOREIGN KEY (written_by) REFERENCES public.account(id);
