"""Metrics: pure functions over plain Python."""
