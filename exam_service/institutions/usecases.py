"""Departments and the roster: keep them."""
