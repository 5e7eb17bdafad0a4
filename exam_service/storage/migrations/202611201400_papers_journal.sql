-- The answer journal: every event has a number within its attempt and a receipt, a hash over the one before and
-- itself. How the line is written: exam_service/papers/journal.py.
ALTER TABLE attempt
    ADD COLUMN receipt_count integer NOT NULL DEFAULT 0,
    ADD COLUMN receipt_head  bytea,                       -- null: nothing journaled yet
    ADD COLUMN checked_at    timestamptz,                 -- the identity check was passed; time counts later
    ADD COLUMN extra_minutes integer NOT NULL DEFAULT 0,  -- granted for special needs, fixed at admission
    ADD COLUMN device_hash   bytea;                       -- of the browser that holds the lease

ALTER TABLE answer_event
    ADD COLUMN number  integer,
    ADD COLUMN counted boolean NOT NULL DEFAULT TRUE,     -- false: too late, kept for staff
    ADD COLUMN source  text    NOT NULL DEFAULT 'page' CHECK (source IN ('page', 'import')),
    ADD COLUMN receipt bytea;

DO $$
DECLARE
    event record;
    head  bytea;
    last  uuid;
BEGIN
    FOR event IN
        SELECT *, row_number() OVER (PARTITION BY attempt_id ORDER BY received_at, epoch, seq) AS place
        FROM answer_event ORDER BY attempt_id, received_at, epoch, seq
    LOOP
        IF last IS DISTINCT FROM event.attempt_id THEN
            last := event.attempt_id;
            head := sha256(convert_to('exam-service receipt 1 ' || last, 'UTF8'));
        END IF;
        head := sha256(head || convert_to(concat_ws(' ',
            event.place, event.epoch, event.seq, event.item_id, coalesce(event.option_id::text, '-'),
            (extract(epoch FROM event.client_time) * 1000000)::bigint,
            (extract(epoch FROM event.received_at) * 1000000)::bigint, 'counted', 'page'), 'UTF8'));
        UPDATE answer_event SET number = event.place, receipt = head
        WHERE attempt_id = event.attempt_id AND epoch = event.epoch AND seq = event.seq;
        UPDATE attempt SET receipt_count = event.place, receipt_head = head WHERE id = event.attempt_id;
    END LOOP;
END $$;

ALTER TABLE answer_event
    ALTER COLUMN number SET NOT NULL,
    ALTER COLUMN receipt SET NOT NULL,
    ALTER COLUMN counted DROP DEFAULT,
    ALTER COLUMN source DROP DEFAULT,
    ADD UNIQUE (attempt_id, number);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER answer_event_is_append_only BEFORE UPDATE ON answer_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The end of the chain when the attempt was closed, signed. What arrives later has higher numbers.
CREATE TABLE attempt_receipt (
    attempt_id uuid PRIMARY KEY REFERENCES attempt,
    count      integer NOT NULL,
    head       bytea NOT NULL,
    closed_at  timestamptz NOT NULL,
    signature  bytea NOT NULL
);

-- Late answers that staff let count after all.
CREATE TABLE answer_acceptance (
    attempt_id  uuid NOT NULL,
    number      integer NOT NULL,
    reason      text NOT NULL,
    accepted_by uuid NOT NULL REFERENCES account,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (attempt_id, number),
    FOREIGN KEY (attempt_id, number) REFERENCES answer_event (attempt_id, number)
);

-- A device that passed the face check may take the lease over; for a minute.
CREATE TABLE takeover (
    attempt_id  uuid NOT NULL REFERENCES attempt,
    device_hash bytea NOT NULL,
    allowed_at  timestamptz NOT NULL,
    verified    boolean NOT NULL,                         -- false: the proctor was away, a person should look
    PRIMARY KEY (attempt_id, device_hash)
);

-- What the page noticed: evidence, never punishment.
CREATE TABLE page_event (
    id          uuid PRIMARY KEY,
    attempt_id  uuid NOT NULL REFERENCES attempt,
    epoch       integer NOT NULL,
    kind        text NOT NULL,
    client_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX page_event_attempt ON page_event (attempt_id, id);

-- A paper that was drawn before its physician starts it.
CREATE TABLE drawn_paper (
    registration_id uuid NOT NULL REFERENCES registration,
    subject         text NOT NULL,
    ordinal         integer NOT NULL,
    paper           jsonb NOT NULL,                       -- [[item, [option, …]], …]
    drawn_at        timestamptz NOT NULL,
    PRIMARY KEY (registration_id, subject, ordinal)
);
