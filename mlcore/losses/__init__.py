"""Losses: a value for every position. `terms` names them, `head` makes their logits in chunks."""
