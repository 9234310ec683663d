"""Stage-B: one verdict per ticket from its image summaries, and the guidance that evolves."""
