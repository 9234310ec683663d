"""The verdict of one ticket: what may be said, what wins the vote, and what overrules it."""
