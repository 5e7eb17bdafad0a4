-- Which pages of the form were saved: one that asks for nothing isn't complete before anybody was there. Of forms that
-- were begun before, nobody knows: they keep what they show.
ALTER TABLE registration_form
    ADD COLUMN passed text[] NOT NULL DEFAULT '{basic,practice,experience,conduct,procedure}';
ALTER TABLE registration_form ALTER COLUMN passed SET DEFAULT '{}';
