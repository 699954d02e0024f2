"""Encoders: what reads the text, pretrained or from scratch."""
