"""The audit of a recipe and its data: what a user wants to know before hours of training."""
