"""Learning from a frozen teacher while training: its words, its eyes, and answers it judges."""
