"""Which weights learn: freezing, adapters, coordinate rows, merging."""
