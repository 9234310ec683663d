"""The error family of mlcore. Each class carries what its caller decides on:
the process exit code, whether trying again can help, a hint, and where it happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mlcore.run.exits import ExitCode


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file. Line and column count from 1; 0 means unknown."""

    file: str
    line: int
    column: int
    path: str
    message: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {self.message}"


class GatehouseError(Exception):
    """Base of every error that a user may see.

    `hint` says what to do next; `where` names the file, record or step; `retryable` is true
    when the same run may succeed on another try without any change by a person.
    """

    code: ClassVar[str] = "bug"
    exit_code: ClassVar[ExitCode] = ExitCode.BUG
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where


class ConfigError(GatehouseError):
    """The config is wrong. `problems` holds all of them, in file order."""

    code = "config"
    exit_code = ExitCode.CONFIG

    def __init__(
        self,
        message: str,
        *,
        problems: list[Problem] | None = None,
        hint: str = "",
        where: str = "",
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.problems: list[Problem] = problems or []


class DataError(GatehouseError):
    """The data is wrong: over the reject threshold, unreadable, or not what the config says."""

    code = "data"
    exit_code = ExitCode.DATA


class PreflightError(GatehouseError):
    """A check before the expensive part says that the run cannot succeed."""

    code = "preflight"
    exit_code = ExitCode.PREFLIGHT


class GateFailedError(GatehouseError):
    """A gate did not pass. Not a fault of the run: its verdict, which `report` holds."""

    code = "gate"
    exit_code = ExitCode.GATE

    def __init__(
        self, message: str, *, report: dict[str, Any], hint: str = "", where: str = ""
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.report = report


class DivergedError(GatehouseError):
    """The loss or the gradient is not a finite number any more. The last checkpoint is good."""

    code = "diverged"
    exit_code = ExitCode.DIVERGED


class CancelledError(GatehouseError):
    """A person asked the run to stop and it did."""

    code = "cancelled"
    exit_code = ExitCode.CANCELLED


class OutOfMemoryError(GatehouseError):
    """The host or the GPU had not enough memory."""

    code = "oom"
    exit_code = ExitCode.OOM


class InfrastructureError(GatehouseError):
    """Disk, server or host failed; the same run may work elsewhere or later."""

    code = "infra"
    exit_code = ExitCode.INFRA
    retryable = True


class InterruptedRunError(GatehouseError):
    """Stopped at a safe point with a resumable checkpoint."""

    code = "interrupted"
    exit_code = ExitCode.INTERRUPTED
    retryable = True
