"""Datasets: what a record is, how it is read, checked, written, fingerprinted and imported."""
