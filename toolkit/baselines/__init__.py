"""The rungs without a neural network: they count, or fit a linear model, and predict."""
