"""Runs: what a job leaves on disk, complete or absent."""
