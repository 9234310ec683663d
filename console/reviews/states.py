"""The states of a ticket in review, which follow which, and what its reviews make of it.

    pending -> leased -> decided                        -> exported
                  \\-> second -> leased -> agreed         -> exported
                                     \\-> conflict -> leased -> adjudicated -> exported

A lease that ends without a decision goes back to where it came from. An undone decision goes back
to what the other reviews make of the ticket. Nothing leaves `exported`.
"""
from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class State(StrEnum):
    PENDING = "pending"
    LEASED = "leased"
    DECIDED = "decided"
    SECOND = "second"
    """one review is in, another person's is awaited"""
    AGREED = "agreed"
    CONFLICT = "conflict"
    """an adjudicator is awaited"""
    ADJUDICATED = "adjudicated"
    EXPORTED = "exported"


class Kind(StrEnum):
    """Why a ticket is in the queue."""

    LABEL_SUSPECT = "label_suspect"
    EVIDENCE_GAP = "evidence_gap"
    MODEL_ERROR = "model_error"
    GOLD = "gold"
    DRIFT = "drift"
    REUSED_PHOTO = "reused_photo"


class Decision(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNSURE = "unsure"
    """somebody else has to decide"""
    BROKEN = "broken"
    """an image is missing, damaged or of something else"""


class Role(StrEnum):
    """What a review counts as."""

    FIRST = "first"
    SECOND = "second"
    ADJUDICATOR = "adjudicator"
    EXTRA = "extra"
    """came after its lease was lost: kept, and decides nothing"""
    UNDO = "undo"
    """takes an earlier review of the same person back"""


FREE = frozenset({State.PENDING, State.SECOND, State.CONFLICT})
"""states in which nobody holds the ticket and somebody is awaited"""
CLAIMABLE = frozenset({State.PENDING, State.SECOND})
SETTLED = frozenset({State.DECIDED, State.AGREED, State.ADJUDICATED})
FINAL = SETTLED | {State.EXPORTED}
COUNTED = frozenset({Role.FIRST, Role.SECOND, Role.ADJUDICATOR})
MOST_REVIEWS = 3

_AFTER_UNDO = frozenset({State.PENDING, State.SECOND, State.LEASED})
_NEXT: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.LEASED}),
    State.LEASED: FREE | SETTLED,
    State.SECOND: frozenset({State.LEASED, State.PENDING}),
    State.CONFLICT: frozenset({State.LEASED, State.PENDING, State.SECOND}),
    State.DECIDED: _AFTER_UNDO | {State.EXPORTED},
    State.AGREED: _AFTER_UNDO | {State.EXPORTED},
    State.ADJUDICATED: frozenset({State.CONFLICT, State.LEASED, State.EXPORTED}),
    State.EXPORTED: frozenset(),
}


class TransitionError(Exception):
    """A ticket cannot go from one state to the other."""


def check(old: str, new: str) -> None:
    """Raises TransitionError unless `new` may follow `old`. What happens to a ticket without
    moving it (a comment, an assignment) leaves its state as it is."""
    if old != new and State(new) not in _NEXT[State(old)]:
        raise TransitionError(f"a ticket cannot go from {old} to {new}")


def rest_state(blind: Sequence[str], needed: int, *, adjudicated: bool = False) -> State:
    """The state of a ticket that nobody holds. `blind` are the decisions of its first and second
    review as far as they count, `needed` how many reviews its routing asks for.

    An unsure review asks for an adjudicator, and so does `needed` = 3 whatever the two say.
    """
    if adjudicated:
        return State.ADJUDICATED
    if not blind:
        return State.PENDING
    if len(blind) == 1 and needed > 1:
        return State.SECOND
    alike = len(set(blind)) == 1 and blind[0] != Decision.UNSURE
    if len(blind) == 1:
        return State.DECIDED if alike else State.CONFLICT
    return State.AGREED if alike and needed < MOST_REVIEWS else State.CONFLICT


def outcome_of(state: str, blind: Sequence[str], adjudicated: str = "") -> str:
    """What people decided about a ticket in a settled state; empty in any other state."""
    if state == State.ADJUDICATED:
        return adjudicated
    return blind[0] if state in SETTLED else ""
