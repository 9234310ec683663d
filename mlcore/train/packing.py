"""Which samples of a step share a row, and which rows a forward pass.

The order says which samples make a step; they are only laid out here, so the loss of a step does
not depend on it. Everything is a pure function of the lengths, and with the order, which is one of
the seed, of (lengths, seed, epoch).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlcore.train.config.packing import LengthGrouped, NoPacking, Packed
from mlcore.train.order import Draw, SampleOrder

Row = list[int]
"""places of its samples among those of the step"""
Part = list[Row]
"""the rows of one forward pass"""


def best_fit(lengths: Sequence[int], budget: int) -> list[Row]:
    """Rows of at most `budget` tokens in sum, by best fit decreasing.

    Longest first, each into the fullest row that still holds it, of those equally full into the
    first; equal lengths in their order. It takes at most 11/9 of the fewest possible rows, and one
    (Johnson 1974). A sample longer than the budget is a mistake of the caller.
    """
    rows: list[Row] = []
    left: list[tuple[int, int]] = []
    for place in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        length = lengths[place]
        assert length <= budget, (length, budget)
        found = bisect_left(left, (length, -1))
        if found < len(left):
            room, row = left.pop(found)
            rows[row].append(place)
        else:
            room, row = budget, len(rows)
            rows.append([place])
        insort(left, (room - length, row))
    return rows


@dataclass(frozen=True)
class Layout:
    """How one rank lays out its samples: `rows` of a forward pass at most, `budget` tokens a row.

    `longest` is the length limit of a sample.
    """

    packing: NoPacking | LengthGrouped | Packed
    rows: int
    longest: int

    @property
    def budget(self) -> int:
        """Most tokens of a row."""
        packed = self.packing
        own = packed.row_tokens if isinstance(packed, Packed) else None
        return own or self.longest

    def parts(self, lengths: Sequence[int], at_least: int = 1) -> list[Part]:
        """The forward passes of samples of these lengths, at least so many where there are as many
        samples: engines that gather weights need the same number on every rank."""
        places = list(range(len(lengths)))
        rows = [[place] for place in places]
        if isinstance(self.packing, LengthGrouped):
            rows.sort(key=lambda row: -lengths[row[0]])
        if isinstance(self.packing, Packed):
            rows = best_fit(lengths, self.budget)
            rows.sort(key=lambda row: -sum(lengths[place] for place in row))
        parts = [rows[i : i + self.rows] for i in range(0, len(rows), self.rows)]
        while len(parts) < min(at_least, len(lengths)):
            parts.sort(key=lambda part: sum(map(len, part)))
            parts += _halves(parts.pop())
        return parts


def _halves(part: Part) -> list[Part]:
    """A part of two samples or more as two parts."""
    if len(part) == 1:
        row = part[0]
        return [[row[: len(row) // 2]], [row[len(row) // 2 :]]]
    return [part[: len(part) // 2], part[len(part) // 2 :]]


@dataclass(frozen=True)
class Fill:
    """How full rows are: samples, their tokens, rows, and the places of all rows as computed."""

    samples: int
    tokens: int
    rows: int
    places: int

    @property
    def padding_share(self) -> float:
        """Places that hold no token."""
        return 1 - self.tokens / self.places


def fill_of(parts: Sequence[Part], lengths: Sequence[int]) -> Fill:
    """How full the rows of these forward passes are: each is as wide as its longest row."""
    totals = [[sum(lengths[place] for place in row) for row in part] for part in parts]
    return Fill(
        samples=sum(len(row) for part in parts for row in part),
        tokens=sum(map(sum, totals)),
        rows=sum(map(len, parts)),
        places=sum(len(widths) * max(widths) for widths in totals),
    )


def plan(
    order: SampleOrder, length: Callable[[Draw], int], layout: Layout, steps: range
) -> list[list[Part]]:
    """The forward passes of each of these steps in one process: a pure function of the lengths
    and of the order."""
    return [layout.parts([length(draw) for draw in order.step(step).draws]) for step in steps]
