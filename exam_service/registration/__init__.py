"""A physician's registration in a cycle, and what it entitles to."""
