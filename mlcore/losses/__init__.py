"""Losses: one file each. All return sums; the loop divides by the global weight."""
