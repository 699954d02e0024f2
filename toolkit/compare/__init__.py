"""Comparing: many runs, one table, and what of it is more than chance."""
