"""From a record to what the model reads, and from the model to text."""
