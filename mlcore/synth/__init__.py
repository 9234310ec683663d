"""Telecom-cabinet scenes with known truth: pure functions of (seed, style, split, index)."""
