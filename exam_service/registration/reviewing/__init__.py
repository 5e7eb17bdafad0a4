"""Two levels of review: institution and body, their ratings, what they return."""
