"""The states of a run, which follow which, and what the end of an attempt makes of it. No database.

    queued -> running -> succeeded | failed | cancelled | interrupted
       ^         |  \\-> cancelling -> cancelled | succeeded | failed
       |---------+   (the attempt ended for a reason that another attempt may cure)
"""
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlcore.run.exits import ExitCode, meaning_of


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Reason(StrEnum):
    """Why an attempt, and with it perhaps the run, ended."""

    OK = "ok"
    CONFIG = "config"
    DATA = "data"
    PREFLIGHT = "preflight"
    GATE = "gate"
    USER = "user"
    DIVERGED = "diverged"
    CODE = "code"
    OOM = "oom"
    INFRA = "infra"
    LOST = "lost"
    INTERRUPTED = "interrupted"


class AttemptState(StrEnum):
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


LIVE = frozenset({State.QUEUED, State.RUNNING, State.CANCELLING})
ON_HOST = frozenset({State.RUNNING, State.CANCELLING})
FINISHED = frozenset(State) - LIVE
MAX_TRIES = 3
"""attempts that a run gets by itself before a person has to look"""

_NEXT: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.CANCELLING, State.QUEUED, *FINISHED}),
    State.CANCELLING: FINISHED - {State.INTERRUPTED},
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
    State.INTERRUPTED: frozenset({State.QUEUED}),
}


class TransitionError(Exception):
    """A run cannot go from one state to the other."""


def check(old: str, new: str) -> None:
    """Raises TransitionError unless `new` may follow `old`."""
    if State(new) not in _NEXT[State(old)]:
        raise TransitionError(f"a run cannot go from {old} to {new}")


@dataclass(frozen=True)
class Verdict:
    """What an ended attempt makes of its run."""

    state: State
    reason: Reason


def verdict_of(
    exit_code: int | None, *, cancel_asked: bool, tries: int, max_tries: int = MAX_TRIES
) -> Verdict:
    """The run's next state after an attempt. `exit_code` None: the host was never heard again.

    A verdict of the job itself (done, bad config, bad data, gate) stands even when a cancel was
    asked meanwhile; a death from outside after that counts as the cancel.
    """
    requeue = True
    reason = Reason.LOST
    if exit_code is not None:
        meaning = meaning_of(exit_code)
        requeue, reason = meaning.requeue, Reason(meaning.reason)
    if reason is Reason.OK:
        return Verdict(State.SUCCEEDED, reason)
    if reason is Reason.USER or exit_code == ExitCode.CANCELLED:
        return Verdict(State.CANCELLED, Reason.USER)
    if requeue and cancel_asked:
        return Verdict(State.CANCELLED, Reason.USER)
    if requeue and tries < max_tries:
        return Verdict(State.QUEUED, reason)
    if reason is Reason.INTERRUPTED:
        return Verdict(State.INTERRUPTED, reason)
    return Verdict(State.FAILED, reason)
