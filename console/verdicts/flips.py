"""A candidate run against the released one on the same tickets: which verdicts flipped.

What a verdict is held against is the word of people where a ticket has been decided in the
console, else the label on record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlcore.stage_b.search.paired import Flips, improvement_p

Row = Mapping[str, Any]
TO, AWAY = "to", "away"


@dataclass(frozen=True)
class Flip:
    """One ticket whose verdict differs; `truth` is what it is held against, `decided` whether a
    person has said so."""

    ticket_key: str
    released: str
    candidate: str
    truth: str
    decided: bool
    pk: int
    strength: float | None

    @property
    def direction(self) -> str:
        """`to` the truth, `away` from it; empty where neither verdict or both are the truth."""
        before, after = self.released == self.truth, self.candidate == self.truth
        return "" if before == after else TO if after else AWAY


@dataclass(frozen=True)
class Compared:
    """`n` tickets that both runs judged, against which the test is held."""

    n: int
    decided: int
    only_released: int
    only_candidate: int
    flips: list[Flip]

    @property
    def better(self) -> int:
        return sum(flip.direction == TO for flip in self.flips)

    @property
    def worse(self) -> int:
        return sum(flip.direction == AWAY for flip in self.flips)

    @property
    def p(self) -> float:
        """McNemar's exact one-sided p that the candidate is no better (see `improvement_p`)."""
        return improvement_p(Flips(self.n, self.better, self.worse))


def compare(
    released: Sequence[Row],
    candidate: Sequence[Row],
    outcomes: Mapping[str, str],
    *,
    decided_only: bool = False,
) -> Compared:
    """Pair the tickets by key. `outcomes` is what people decided, by key."""
    before = {str(row["ticket_key"]): row for row in released}
    flips, n, decided, only = [], 0, 0, 0
    for row in candidate:
        key = str(row["ticket_key"])
        if key not in before:
            only += 1
            continue
        if decided_only and key not in outcomes:
            continue
        n += 1
        decided += key in outcomes
        was, now = str(before[key]["verdict"]), str(row["verdict"])
        if was != now:
            truth = outcomes.get(key, str(row["label"]))
            flips.append(
                Flip(key, was, now, truth, key in outcomes, int(row["pk"]), row["strength"])
            )
    here = {str(row["ticket_key"]) for row in candidate}
    lost = sum(key not in here for key in before)
    return Compared(n, decided, lost, only, flips)
