-- Lists of 100,000 page by account_id and are filtered by what these lead. Names are looked up by their
-- beginning, byte by byte, so that the index serves whatever the database's collation is.
DROP INDEX roster_institution_name;
CREATE INDEX roster_institution_name ON roster_entry (institution_id, name COLLATE "C");
DROP INDEX roster_department;
CREATE INDEX roster_department ON roster_entry (department_id, account_id) WHERE department_id IS NOT NULL;
CREATE INDEX roster_institution_born ON roster_entry (institution_id, born_on);
CREATE INDEX roster_institution_first ON roster_entry (institution_id, first_registered_on);
CREATE INDEX registration_department ON registration (department_id) WHERE department_id IS NOT NULL;
CREATE INDEX department_institution ON department (institution_id, id);

-- 允许报名, 取消报名, 调离, as one person did it to one or many at once: for ten minutes it can be undone, for
-- those with whom nothing has happened since.
CREATE TABLE admission_act (
    id             uuid PRIMARY KEY,
    province_id    text NOT NULL REFERENCES province,
    institution_id uuid NOT NULL REFERENCES institution,
    actor_id       uuid NOT NULL REFERENCES account,
    kind           text NOT NULL CHECK (kind IN ('admitted', 'cancelled', 'left')),
    acted_at       timestamptz NOT NULL,
    undone_at      timestamptz
);
-- move_id: of the registration, none where somebody left who had no open registration. department_id: was in it.
CREATE TABLE admission_act_item (
    act_id          uuid NOT NULL REFERENCES admission_act,
    account_id      uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    registration_id uuid REFERENCES registration,
    move_id         uuid REFERENCES registration_move,
    department_id   uuid REFERENCES department ON DELETE SET NULL,
    PRIMARY KEY (act_id, account_id)
);
