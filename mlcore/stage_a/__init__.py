"""Stage-A: what each image of a ticket shows, without a verdict."""
