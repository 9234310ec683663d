"""What every job shares: the run folder, events, manifest, signals and exit codes."""
