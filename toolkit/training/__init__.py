"""Training: batches, the loop, and the whole job."""
