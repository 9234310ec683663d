"""Records longer than the length limit: left out before training, counted, and too many stop.

Lengths come from the text and the size of the image alone, so nothing is decoded. What is left
out gives its place to the record that follows in the shuffled order; nothing is ever cut. Which
ones they are depends on the data and the limit only, whatever the workers and ranks.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import Field

from mlcore.config.base import StrictModel
from mlcore.errors import DataError

REASON = "over_length"
NAMED = 5
"""how many of the longest records an error and a warning name"""


class Named(Protocol):
    """What can be left out: a record or a conversation."""

    @property
    def id(self) -> str:
        """Names it in errors."""
        ...


Item = TypeVar("Item", bound=Named)


class OverLengthConfig(StrictModel):
    """What happens to records longer than the length limit."""

    max_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """largest share of over-long records of a dataset before the run stops; 0 stops at the first"""


@dataclass(frozen=True)
class Drop:
    """A record that was left out, and its length in tokens."""

    record_id: str
    tokens: int


@dataclass(frozen=True)
class Sifted(Generic[Item]):
    """The records that fit in `limit` tokens, in their order, and those that do not; `lengths` has
    the tokens of all, in the order in which they were given."""

    kept: list[Item]
    dropped: tuple[Drop, ...]
    limit: int
    lengths: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many records there were."""
        return len(self.kept) + len(self.dropped)

    def sentence(self) -> str:
        """What was left out, with the longest records and their tokens."""
        longest = sorted(self.dropped, key=lambda drop: (-drop.tokens, drop.record_id))[:NAMED]
        names = ", ".join(f"{drop.record_id} ({drop.tokens})" for drop in longest)
        return (
            f"{len(self.dropped)} of {self.total} records are longer than {self.limit} tokens; "
            f"the longest: {names}"
        )

    def report(self) -> dict[str, Any]:
        """JSON for a run's report."""
        return {
            "reason": REASON,
            "records": len(self.dropped),
            "of": self.total,
            "limit": self.limit,
            "dropped": [{"id": drop.record_id, "tokens": drop.tokens} for drop in self.dropped],
        }


def sift(
    records: Sequence[Item],
    length: Callable[[Item], int],
    limit: int,
    config: OverLengthConfig,
    dataset: str,
) -> Sifted[Item]:
    """Leave out the records whose longest sample, by `length`, has more than `limit` tokens.

    Raises DataError naming the longest when that is more of the dataset than the config allows,
    or all of it.
    """
    kept: list[Item] = []
    dropped: list[Drop] = []
    lengths = tuple(length(record) for record in records)
    for record, tokens in zip(records, lengths, strict=True):
        if tokens > limit:
            dropped.append(Drop(record.id, tokens))
        else:
            kept.append(record)
    sifted = Sifted(kept, tuple(dropped), limit, lengths)
    if len(dropped) > config.max_share * len(records) or (dropped and not kept):
        raise DataError(
            f"{dataset}: {sifted.sentence()}; allowed are {config.max_share:.1%}",
            hint="Raise global_max_length, make the images smaller when the dataset is made, or "
            "raise over_length.max_share. Nothing is ever cut.",
            where=max(dropped, key=lambda drop: drop.tokens).record_id,
        )
    return sifted
