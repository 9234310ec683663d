"""What becomes of a ticket in one epoch. `moved` is the whole of it.

pending ──no_verdict──> malformed
pending | retry ──agrees──> agreed            nothing to learn from it
pending | retry ──unexplained──> need_review  reflection_no_evidence_after_gt
pending | retry ──undecided──> retry k+1, or need_review: budget_exhausted
pending | retry ──learn──> learnable
learnable ──covered──> contributor
learnable ──uncovered──> retry k+1, or need_review: budget_exhausted
pending | retry | learnable ──unaffordable──> need_review: budget_exhausted
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Stage = Literal[
    "pending", "agreed", "malformed", "learnable", "contributor", "retry", "need_review"
]
Event = Literal[
    "no_verdict",
    "agrees",
    "unexplained",
    "undecided",
    "learn",
    "covered",
    "uncovered",
    "unaffordable",
]
NO_EVIDENCE = "reflection_no_evidence_after_gt"
EXHAUSTED = "budget_exhausted"
FINAL: frozenset[Stage] = frozenset({"agreed", "malformed", "contributor", "need_review"})


@dataclass(frozen=True)
class TicketState:
    """`retries` counts reflections that came to nothing; `reason` is the code of a review."""

    stage: Stage = "pending"
    retries: int = 0
    reason: str = ""

    def __str__(self) -> str:
        if self.stage == "retry":
            return f"retry {self.retries}"
        return f"{self.stage} {self.reason}".strip()


_NEXT: dict[tuple[str, str], Stage] = {
    ("pending", "no_verdict"): "malformed",
    **{(stage, "agrees"): "agreed" for stage in ("pending", "retry")},
    **{(stage, "learn"): "learnable" for stage in ("pending", "retry")},
    **{(stage, "unexplained"): "need_review" for stage in ("pending", "retry")},
    **{(stage, "undecided"): "retry" for stage in ("pending", "retry")},
    **{(stage, "unaffordable"): "need_review" for stage in ("pending", "retry", "learnable")},
    ("learnable", "covered"): "contributor",
    ("learnable", "uncovered"): "retry",
}


def moved(state: TicketState, event: Event, retry_budget: int) -> TicketState:
    """The state after an event. `retry_budget` is how many retries a ticket has in an epoch.

    Raises ValueError for an event that cannot happen to such a ticket.
    """
    stage = _NEXT.get((state.stage, event))
    if stage is None:
        raise ValueError(f"a ticket that is {state} cannot be {event}")
    if stage == "retry":
        if state.retries >= retry_budget:
            return replace(state, stage="need_review", reason=EXHAUSTED)
        return replace(state, stage="retry", retries=state.retries + 1)
    if stage == "need_review":
        return replace(
            state, stage=stage, reason=NO_EVIDENCE if event == "unexplained" else EXHAUSTED
        )
    return replace(state, stage=stage)
