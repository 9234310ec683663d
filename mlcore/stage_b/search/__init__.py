"""Rules that are proposed from one part of the tickets, tested on another, and reported on a
third that nothing has looked at."""
