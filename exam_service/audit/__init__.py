"""Who did what, and who looked at what: an append-only journal that shows when it was tampered with."""
