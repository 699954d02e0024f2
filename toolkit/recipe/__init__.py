"""The recipe room: a YAML file in, typed and frozen blocks out, and back. No torch here."""
