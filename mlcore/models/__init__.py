"""Checkpoints: building a small one, loading, saving, and the forward pass."""
