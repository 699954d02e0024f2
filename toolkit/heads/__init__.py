"""Heads: from an encoder's vectors to scores."""
