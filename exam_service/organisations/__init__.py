"""Province, assessment body, institution: the scopes that every row belongs to."""
