"""Foreign annotations become a dataset: one source per format, one engine for all of them."""
