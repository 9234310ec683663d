"""Guidance that is learnt while tickets are judged: which labels no evidence explains, what the
others teach, and what is not sure yet."""
