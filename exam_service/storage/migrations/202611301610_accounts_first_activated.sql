-- When an account was first taken into use. A reset clears activated_at, and the person behind it stays the same:
-- name and document aren't the institution's to change any more.
ALTER TABLE account ADD COLUMN first_activated_at timestamptz;
UPDATE account SET first_activated_at = coalesce(activated_at, mobile_bound_at);
