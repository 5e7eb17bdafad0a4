-- The newest act of a person, which the roster's page offers to undo.
CREATE INDEX admission_act_actor ON admission_act (actor_id, id DESC);
