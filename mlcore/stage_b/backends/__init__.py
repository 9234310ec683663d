"""Who writes answers to text: a model in this process, a server, or a recording in tests."""
