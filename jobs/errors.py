"""What can go wrong between a host and the console."""
from __future__ import annotations

from typing import ClassVar


class HostError(Exception):
    """Base of this package's errors. `retryable`: the same request may work later."""

    retryable: ClassVar[bool] = False


class SettingsError(HostError):
    """The host's environment does not say enough to work."""


class ConsoleUnreachableError(HostError):
    """No answer, or an answer of 5xx, 429 or 408: the console is away or overloaded."""

    retryable = True


class RefusedError(HostError):
    """The console said no. `status` is the HTTP status, `code` the problem's stable word."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class LeaseLostError(RefusedError):
    """The attempt is no longer ours: it ended or another host has it."""


class EventGapError(RefusedError):
    """Events are missing before the batch. `last_seq` is what the console has."""

    def __init__(self, status: int, code: str, detail: str, last_seq: int) -> None:
        super().__init__(status, code, detail)
        self.last_seq = last_seq


class OffsetMismatchError(RefusedError):
    """The log chunk does not start at the stored end. `offset` is that end."""

    def __init__(self, status: int, code: str, detail: str, offset: int) -> None:
        super().__init__(status, code, detail)
        self.offset = offset


class InputError(HostError):
    """An input of the run cannot be used as given: a path that leaves its folder, a bad digest."""


class FetchError(HostError):
    """An input could not be brought to this host intact; another try may succeed."""

    retryable = True


class StoppedError(HostError):
    """A stop was asked for before the child started."""
