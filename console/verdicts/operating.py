"""The operating point: from which vote strength on a verdict stands without a person.

Pure functions of tickets, so every figure can be made again from selections.jsonl.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlcore.evaluate.statistics import Figure, share_figure

ABOVE_ALL = 1.01
"""a threshold that no vote reaches: people decide everything"""


@dataclass(frozen=True)
class Point:
    """At `threshold`: `automatic` tickets keep their verdict, `review` go to people. The shares
    are of the automatic ones; false release is fp / (tp + fp), false block fn / (tn + fn)."""

    threshold: float
    automatic: int
    review: int
    false_release: Figure
    false_block: Figure
    label_match: Figure

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def curve(rows: Sequence[Mapping[str, Any]]) -> list[Point]:
    """A point for every vote strength that occurs, and one above all, ascending.

    `rows` have `verdict` (empty for none), `label`, `strength`, and `n` where they stand for
    several tickets that are alike. A ticket without a verdict always goes to people.
    """
    found = {float(r["strength"]) for r in rows if r["verdict"]}
    return [point_at(rows, threshold) for threshold in [*sorted(found), ABOVE_ALL]]


def point_at(rows: Sequence[Mapping[str, Any]], threshold: float) -> Point:
    """The figures at one threshold."""
    cells = dict.fromkeys(("pass pass", "pass fail", "fail pass", "fail fail"), 0)
    tickets = 0
    for row in rows:
        tickets += row.get("n", 1)
        # Shares such as 2/3 come back from text with all their digits, yet a person types fewer.
        if row["verdict"] and float(row["strength"]) >= threshold - 1e-9:
            cells[f"{row['verdict']} {row['label']}"] += row.get("n", 1)
    tp, fp = cells["pass pass"], cells["pass fail"]
    fn, tn = cells["fail pass"], cells["fail fail"]
    automatic = tp + fp + fn + tn
    return Point(
        threshold,
        automatic,
        tickets - automatic,
        share_figure(fp, tp + fp),
        share_figure(fn, tn + fn),
        share_figure(tp + tn, automatic),
    )


def hours(review: int, seconds: float) -> float:
    """Hours of people for that many decisions."""
    return review * seconds / 3600
