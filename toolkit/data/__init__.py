"""Data sets: files and splits become examples, or faults with their place."""
