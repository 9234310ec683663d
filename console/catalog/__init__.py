"""Configs, datasets, models and blobs: immutable versions with their lineage."""
