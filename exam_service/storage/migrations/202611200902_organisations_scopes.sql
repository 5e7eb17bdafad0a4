CREATE TABLE province (
    id   text PRIMARY KEY CHECK (id ~ '^[a-z]+$'),
    name text NOT NULL
);

CREATE TABLE body (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    name        text NOT NULL,
    UNIQUE (province_id, name)
);

CREATE TABLE institution (
    id          uuid PRIMARY KEY,
    province_id text NOT NULL REFERENCES province,
    name        text NOT NULL,
    UNIQUE (province_id, name)
);
