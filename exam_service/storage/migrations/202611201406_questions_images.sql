-- The picture of a stem, re-encoded by us.
CREATE TABLE item_image (
    item_id    uuid PRIMARY KEY REFERENCES item,
    media_type text NOT NULL CHECK (media_type IN ('image/png', 'image/jpeg')),
    width      integer NOT NULL,
    height     integer NOT NULL,
    alt        text NOT NULL,
    data       bytea NOT NULL
);
