CREATE TABLE practice_set (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    account_id  uuid NOT NULL REFERENCES account,
    bank_id     uuid NOT NULL REFERENCES bank,
    item_ids    uuid[] NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX practice_set_account ON practice_set (account_id, id);

CREATE TABLE practice_answer (
    set_id    uuid NOT NULL REFERENCES practice_set ON DELETE CASCADE,
    item_id   uuid NOT NULL REFERENCES item,
    option_id uuid NOT NULL REFERENCES item_option,
    at        timestamptz NOT NULL,
    PRIMARY KEY (set_id, item_id)
);
