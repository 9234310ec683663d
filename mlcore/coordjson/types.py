"""One object of a model's answer, and when it is a valid one."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlcore.coordjson.errors import Rule

Kind = Literal["bbox_2d", "poly", "line"]
KINDS: tuple[Kind, ...] = ("bbox_2d", "poly", "line")
FieldOrder = Literal["desc_first", "geometry_first", "any"]
FIELD_ORDERS: tuple[FieldOrder, ...] = ("desc_first", "geometry_first", "any")
BINS = 1000
MIN_VALUES: dict[Kind, int] = {"bbox_2d": 4, "poly": 6, "line": 4}
"""fewest coordinates of each geometry; a box has exactly 4"""


@dataclass(frozen=True)
class CoordObject:
    """One described thing. `bins` is flat, x1, y1, x2, y2, ..., each 0..999 of the image's side."""

    desc: str
    kind: Kind
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Fault:
    """Why something is not a valid object."""

    rule: Rule
    reason: str


def desc_fault(desc: str) -> Fault | None:
    """A description is one line of text that is not blank and can be written as UTF-8."""
    if not desc.strip():
        return Fault("desc", "the description is blank")
    if "\n" in desc or "\r" in desc:
        return Fault("desc", "the description holds a line break")
    if any("\ud800" <= letter <= "\udfff" for letter in desc):
        return Fault("desc", "the description holds half of a surrogate pair")
    return None


def bins_fault(kind: Kind, bins: Sequence[int]) -> Fault | None:
    """Count, range and corner order of the coordinates of one geometry."""
    count, fewest = len(bins), MIN_VALUES[kind]
    if kind == "bbox_2d" and count != 4:
        return Fault("arity", f"bbox_2d needs exactly 4 coordinates, has {count}")
    if count < fewest or count % 2:
        return Fault("arity", f"{kind} needs an even count of at least {fewest}, has {count}")
    if not all(0 <= value < BINS for value in bins):
        return Fault("coordinate", f"{kind} has a coordinate outside 0..{BINS - 1}")
    if kind == "bbox_2d" and (bins[0] > bins[2] or bins[1] > bins[3]):
        return Fault("geometry", f"bbox_2d needs x1 <= x2 and y1 <= y2: {list(bins)}")
    return None
