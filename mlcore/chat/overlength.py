"""Samples longer than the limit: never cut, replaced by the next ones, counted, and too many stop.

The replacement of a place is the first fitting sample after it in the same order, cyclically. So
it depends on the order and the place alone: an order that is pure in (seed, epoch) keeps the whole
epoch pure, whatever the workers and ranks.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import Field

from mlcore.config.base import StrictModel
from mlcore.errors import DataError

T = TypeVar("T")
REASON = "over_length"


class OverLengthConfig(StrictModel):
    """What happens to samples longer than the length limit."""

    max_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """largest share of over-long samples before the run stops; 0 stops at the first one"""


@dataclass(frozen=True)
class Drop:
    """A sample that was left out: its record, its length in tokens and the limit it passed."""

    record_id: str
    tokens: int
    limit: int


@dataclass(frozen=True)
class Choice(Generic[T]):
    """The sample that a place gets, and those that were passed over for it, in order."""

    sample: T
    dropped: tuple[Drop, ...]


def choose(
    order: Sequence[T],
    place: int,
    length: Callable[[T], int],
    limit: int,
    name: Callable[[T], str],
) -> Choice[T]:
    """The sample of a place: itself if it has at most `limit` tokens, else the next that has.

    `length` counts the tokens of a sample, `name` gives its record id. Raises DataError when no
    sample of the order fits, naming the shortest.
    """
    dropped: list[Drop] = []
    for step in range(len(order)):
        sample = order[(place + step) % len(order)]
        tokens = length(sample)
        if tokens <= limit:
            return Choice(sample, tuple(dropped))
        dropped.append(Drop(name(sample), tokens, limit))
    if not dropped:
        raise DataError("there is no sample to choose from")
    shortest = min(dropped, key=lambda drop: drop.tokens)
    raise DataError(
        f"none of {len(order)} samples fits in {limit} tokens; the shortest is "
        f"{shortest.record_id} with {shortest.tokens}",
        hint="Raise global_max_length, or make the images smaller when the dataset is made.",
        where=shortest.record_id,
    )


@dataclass
class OverLengthTally:
    """Counts the distinct records that were left out, of `total` records; stops past a share.

    Counting records, not places, makes the figure the same whoever meets a record first, and the
    tallies of several ranks can be merged.
    """

    total: int
    max_share: float
    places: int = 0
    """places that got another sample than theirs"""
    dropped: dict[str, Drop] = field(default_factory=dict)
    """by record id"""

    def note(self, choice: Choice[Any], where: str = "") -> None:
        """Count a choice. Raises DataError when more records are over-long than the share allows.

        `where` names the dataset.
        """
        if not choice.dropped:
            return
        self.places += 1
        for drop in choice.dropped:
            self._keep(drop)
        self.check(where)

    def merge(self, other: OverLengthTally) -> None:
        """Add what another rank has counted."""
        self.places += other.places
        for drop in other.dropped.values():
            self._keep(drop)

    def check(self, where: str = "") -> None:
        """Raise DataError when the share is passed."""
        count = len(self.dropped)
        if count <= self.max_share * self.total:
            return
        longest = max(self.dropped.values(), key=lambda drop: (drop.tokens, drop.record_id))
        raise DataError(
            f"{count} of {self.total} records are longer than {longest.limit} tokens, more than "
            f"{self.max_share:.1%}; the longest is {longest.record_id} with {longest.tokens}",
            hint="Raise global_max_length, make the images smaller when the dataset is made, or "
            "raise over_length.max_share. Nothing is ever cut.",
            where=where or longest.record_id,
        )

    def report(self) -> dict[str, Any]:
        """JSON for a run's report and its checkpoints; `restored` is the inverse."""
        return {
            "reason": REASON,
            "records": len(self.dropped),
            "of": self.total,
            "places": self.places,
            "dropped": [
                {"id": drop.record_id, "tokens": drop.tokens, "limit": drop.limit}
                for drop in sorted(self.dropped.values(), key=lambda drop: drop.record_id)
            ],
        }

    @classmethod
    def restored(cls, stored: Mapping[str, Any], max_share: float) -> OverLengthTally:
        """The tally that `report` was made of."""
        drops = [Drop(str(d["id"]), int(d["tokens"]), int(d["limit"])) for d in stored["dropped"]]
        return cls(
            total=int(stored["of"]), max_share=max_share, places=int(stored["places"]),
            dropped={drop.record_id: drop for drop in drops},
        )

    def _keep(self, drop: Drop) -> None:
        known = self.dropped.get(drop.record_id)
        if known is None or drop.tokens > known.tokens:
            self.dropped[drop.record_id] = drop
