"""允许报名 and its like: who is let into a cycle by their institution."""
