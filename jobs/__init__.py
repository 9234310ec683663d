"""Job execution on a host: claim a run over HTTP, supervise one child, carry its events home."""
__version__ = "0.1.0"
