"""Why the embedded stack cannot start; each message says what to do."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot start or go on."""


class StopRequested(Exception):
    """Ctrl-C or SIGTERM came."""
