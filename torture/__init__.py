"""Attacks on runs: each trial has a name that replays it, each goal mutants that fail it."""
