"""The one table of exit codes, for the CLI, the supervisor, the API and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Process exit codes of `python -m mlcore`."""

    OK = 0
    CONFIG = 2
    DATA = 3
    PREFLIGHT = 4
    GATE = 5
    CANCELLED = 6
    DIVERGED = 7
    BUG = 70
    OOM = 71
    INFRA = 72
    INTERRUPTED = 75


@dataclass(frozen=True)
class ExitMeaning:
    """How an exit code reads to a person, and what the job backend may do with it."""

    reason: str
    """short stable word: ok, config, data, preflight, gate, user, diverged, code, oom, infra,
    interrupted"""
    sentence: str
    hint: str
    requeue: bool
    """true when the backend may start another attempt by itself"""


EXITS: dict[ExitCode, ExitMeaning] = {
    ExitCode.OK: ExitMeaning("ok", "Finished.", "", requeue=False),
    ExitCode.CONFIG: ExitMeaning(
        "config",
        "The config is invalid.",
        "Open the Config tab: every problem has its line.",
        requeue=False,
    ),
    ExitCode.DATA: ExitMeaning(
        "data",
        "The data is invalid.",
        "Open the rejects file: it names every bad record. Fix them or raise max_reject_share.",
        requeue=False,
    ),
    ExitCode.PREFLIGHT: ExitMeaning(
        "preflight",
        "A check before the start blocked the run.",
        "Read the blocked check; it says what to change.",
        requeue=False,
    ),
    ExitCode.GATE: ExitMeaning(
        "gate",
        "The gate did not pass.",
        "Open the gate's checks for the values and limits.",
        requeue=False,
    ),
    ExitCode.CANCELLED: ExitMeaning(
        "user",
        "Cancelled by a person.",
        "Resume continues from the last checkpoint.",
        requeue=False,
    ),
    ExitCode.DIVERGED: ExitMeaning(
        "diverged",
        "The loss is no number any more.",
        "Lower the learning rate, or look at the named records; the last checkpoint is good.",
        requeue=False,
    ),
    ExitCode.BUG: ExitMeaning(
        "code", "The job crashed.", "The last lines of the log hold the traceback.", requeue=False
    ),
    ExitCode.OOM: ExitMeaning(
        "oom",
        "Out of memory.",
        "Lower the batch size or the length limit, or use a host with more memory.",
        requeue=False,
    ),
    ExitCode.INFRA: ExitMeaning(
        "infra",
        "The host failed (disk, server or process).",
        "It is tried again by itself; if it repeats, look at the host.",
        requeue=True,
    ),
    ExitCode.INTERRUPTED: ExitMeaning(
        "interrupted",
        "Interrupted at a safe point.",
        "Resume continues from the last checkpoint.",
        requeue=True,
    ),
}


def meaning_of(code: int) -> ExitMeaning:
    """The meaning of any exit status, also of ones outside the table.

    Negative codes are deaths by signal as Python's subprocess reports them. SIGKILL (-9) without
    a request from us is what the kernel's out-of-memory killer does, but also what an operator
    does: it counts as infrastructure. Any other unknown code is a crash of the code.
    """
    if code in set(ExitCode):
        return EXITS[ExitCode(code)]
    if code in (-9, -15, 137, 143):
        return ExitMeaning(
            "infra",
            f"The process was killed from outside (status {code}).",
            "It is tried again by itself; if it repeats, look at the host's memory.",
            requeue=True,
        )
    return ExitMeaning(
        "code",
        f"The job crashed (status {code}).",
        "The last lines of the log hold the traceback.",
        requeue=False,
    )
