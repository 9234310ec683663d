"""What may change guidance while tickets are judged. The plain rollout changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mlcore.stage_b.decide import Decided
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.rollout import Rolled
from mlcore.stage_b.rows import HypothesisEventRow, NeedReviewRow, ReflectionRow


@dataclass(frozen=True)
class Judged:
    """One ticket in one epoch: its candidates, its outcome, and the guidance it was judged by.

    `cycle` counts reflections so far.
    """

    rolled: Rolled
    decided: Decided
    epoch: int
    cycle: int
    guidance: Guidance


@dataclass(frozen=True)
class Lesson:
    """What a learner concluded. `need_review` are tickets whose label is in doubt, `withdrawn` keys
    of those that are so no longer; `changed` names what changed in the guidance, empty for nothing;
    `done` says that further epochs would change nothing."""

    need_review: tuple[NeedReviewRow, ...] = ()
    changed: str = ""
    withdrawn: tuple[str, ...] = ()
    reflections: tuple[ReflectionRow, ...] = ()
    hypothesis_events: tuple[HypothesisEventRow, ...] = ()
    done: bool = False


class Learner(Protocol):
    """Hears of every batch of judged tickets, and holds the guidance for the next."""

    guidance: Guidance
    cycle: int
    """reflections so far"""

    def heard(self, batch: Sequence[Judged]) -> Lesson:
        """Learn from a batch, in the order in which it was judged."""
        ...

    def epoch_over(self, epoch: int) -> Lesson:
        """Settle what is left of an epoch."""
        ...


class NoLearner:
    """Guidance stays as it is."""

    cycle = 0

    def __init__(self, guidance: Guidance) -> None:
        self.guidance = guidance

    def heard(self, batch: Sequence[Judged]) -> Lesson:
        return Lesson()

    def epoch_over(self, epoch: int) -> Lesson:
        return Lesson()
