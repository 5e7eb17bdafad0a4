"""PostgreSQL, the evidence files and the keys that seal them. Knows no feature."""
