-- 科室, with the national subjects of diagnosis and treatment (诊疗科目) that it covers, by their codes.
CREATE TABLE department (
    id             uuid PRIMARY KEY,
    province_id    text NOT NULL REFERENCES province,
    institution_id uuid NOT NULL REFERENCES institution,
    name           text NOT NULL,
    subjects       text[] NOT NULL,
    stopped_at     timestamptz,
    created_at     timestamptz NOT NULL,
    UNIQUE (institution_id, name)
);

-- The roster: where a physician mainly practises, as the electronic register has it. No institution: 调离.
-- details is sealed (class "roster", row id account_id): certificate numbers.
CREATE TABLE roster_entry (
    account_id          uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    province_id         text NOT NULL REFERENCES province,
    institution_id      uuid REFERENCES institution,
    department_id       uuid REFERENCES department,
    name                text NOT NULL,
    sex                 text CHECK (sex IN ('male', 'female')),
    born_on             date,
    category            text NOT NULL CHECK (category IN ('clinical', 'dental', 'tcm', 'public_health')),
    level               text NOT NULL CHECK (level IN ('licensed', 'assistant')),
    licensed_on         date,
    first_registered_on date,
    details             bytea,
    left_at             timestamptz,
    left_reason         text CHECK (left_reason IN ('departed', 'retired', 'removed', 'other')),
    created_at          timestamptz NOT NULL
);
CREATE INDEX roster_institution ON roster_entry (institution_id, account_id) WHERE institution_id IS NOT NULL;
CREATE INDEX roster_institution_name ON roster_entry (institution_id, name);
CREATE INDEX roster_department ON roster_entry (department_id) WHERE department_id IS NOT NULL;
CREATE INDEX roster_province ON roster_entry (province_id, account_id);

-- 调入: asked for by the receiving institution, agreed to by the other one where there is one.
CREATE TABLE transfer (
    id                  uuid PRIMARY KEY,
    province_id         text NOT NULL REFERENCES province,
    account_id          uuid NOT NULL REFERENCES account,
    from_institution_id uuid REFERENCES institution,
    to_institution_id   uuid NOT NULL REFERENCES institution,
    reason              text NOT NULL,
    asked_by            uuid NOT NULL REFERENCES account,
    asked_at            timestamptz NOT NULL,
    state               text NOT NULL CHECK (state IN ('open', 'agreed', 'refused', 'withdrawn')),
    decided_by          uuid REFERENCES account,
    decided_at          timestamptz,
    decision            text
);
CREATE UNIQUE INDEX transfer_open ON transfer (account_id) WHERE state = 'open';
CREATE INDEX transfer_from ON transfer (from_institution_id, id);
CREATE INDEX transfer_to ON transfer (to_institution_id, id);
CREATE INDEX transfer_account ON transfer (account_id, id);

-- A roster file on its way in: read and checked row by row, then taken as a whole or not at all. The file is
-- sealed (class "roster_import", row id; its account is the member of staff) and dropped when it is done.
CREATE TABLE roster_import (
    id             uuid PRIMARY KEY,
    province_id    text NOT NULL REFERENCES province,
    institution_id uuid NOT NULL REFERENCES institution,
    asked_by       uuid NOT NULL REFERENCES account,
    file_name      text NOT NULL,
    file           bytea,
    state          text NOT NULL CHECK (state IN ('waiting', 'checking', 'done', 'refused')),
    rows           integer NOT NULL DEFAULT 0,
    checked        integer NOT NULL DEFAULT 0,
    added          integer NOT NULL DEFAULT 0,
    problems       jsonb NOT NULL DEFAULT '[]',
    asked_at       timestamptz NOT NULL,
    beat_at        timestamptz,
    done_at        timestamptz
);
CREATE INDEX roster_import_institution ON roster_import (institution_id, id DESC);
CREATE INDEX roster_import_open ON roster_import (id) WHERE state IN ('waiting', 'checking');
