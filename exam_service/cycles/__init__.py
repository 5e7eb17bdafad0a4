"""Cycles: dates, and the policy a province examines by."""
