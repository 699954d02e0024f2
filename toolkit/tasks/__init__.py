"""Tasks: everything that the trainer asks about a problem, one file each."""
