-- Which load of a page wrote last, and its how many-th save: a save whose answer was lost, or that came late, is
-- told from one of another page or device.
ALTER TABLE registration_form ADD COLUMN page text NOT NULL DEFAULT '';
ALTER TABLE registration_form ADD COLUMN page_seq integer NOT NULL DEFAULT 0;
