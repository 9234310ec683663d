"""What summaries say, as typed facts that rules and guards can decide on."""
