"""What is looked at before GPU time: every check in a file of its own, one verdict for the run."""
