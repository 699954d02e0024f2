"""Models: an encoder and a head, built, saved and loaded."""
