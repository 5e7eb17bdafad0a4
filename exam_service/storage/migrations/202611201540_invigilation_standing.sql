-- How a paper stands for the people who watch it, in one place for the list, its counts and the single page.
-- state: of the newest attempt, null without one; last_seen: of its page; silent_since: heard before this, a page
-- is away.
CREATE FUNCTION attempt_standing(
    state text, checked_at timestamptz, last_seen timestamptz, silent_since timestamptz
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN state IS NULL THEN 'waiting'
    WHEN state = 'prepared' AND checked_at IS NULL THEN 'checking'
    WHEN state = 'prepared' THEN 'ready'
    WHEN state IN ('admitted', 'running') AND last_seen < silent_since THEN 'offline'
    WHEN state IN ('admitted', 'running') THEN 'answering'
    WHEN state IN ('closing', 'closed') THEN 'collecting'
    WHEN state = 'terminated' THEN 'terminated'
    ELSE 'handed_in'
END;

-- The list of one body, page by page.
CREATE INDEX registration_body_order ON registration (body_id, id);
