"""Evaluation: predictions and scores over a split."""
