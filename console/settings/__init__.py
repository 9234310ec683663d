"""Settings by environment: embedded (the default), production and test, all over base."""
