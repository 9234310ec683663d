"""Losses: one file each. All return one value per token; the loop sums and divides."""
