"""A dataset in foreign formats: one target per format, one engine for all of them."""
