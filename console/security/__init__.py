"""Headers, origin checks and log format: what holds for every request."""
