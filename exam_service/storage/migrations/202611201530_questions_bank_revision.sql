-- What a bank holds, under a name of its own for each state of it: another one after every import. Whoever has
-- the ids of its items in memory knows by it whether they are still all.
ALTER TABLE bank ADD COLUMN revision uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE bank ALTER COLUMN revision DROP DEFAULT;
