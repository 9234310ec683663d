"""One object of a model's answer, and when it is a valid one."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mlcore.coordjson.errors import Rule

Kind = Literal["bbox_2d", "poly", "line"]
KINDS: tuple[Kind, ...] = ("bbox_2d", "poly", "line")
FieldOrder = Literal["desc_first", "geometry_first", "any"]
FIELD_ORDERS: tuple[FieldOrder, ...] = ("desc_first", "geometry_first", "any")
BINS = 1000
MIN_VALUES: dict[Kind, int] = {"bbox_2d": 4, "poly": 6, "line": 4}
"""fewest coordinates of each geometry; a box has exactly 4"""
_NOT_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class CoordObject(NamedTuple):
    """One described thing. `bins` is flat, x1, y1, x2, y2, ..., each 0..999 of the image's side.

    A named tuple because answers are read by the million, and it is built in a third of the time.
    """

    desc: str
    kind: Kind
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Fault:
    """Why something is not a valid object."""

    rule: Rule
    reason: str


def desc_fault(desc: str) -> Fault | None:
    """A description is one line of text: not blank, no control character, writable as UTF-8."""
    if not desc or desc.isspace():
        return Fault("bad_desc", "the description is blank")
    if _NOT_ONE_LINE.search(desc):
        return Fault("bad_desc", "the description holds a line break or a control character")
    if _HALF_PAIR.search(desc):
        return Fault("bad_desc", "the description holds half of a surrogate pair")
    return None


def arity_fault(kind: Kind, count: int) -> Fault | None:
    """A box has 4 coordinates; a polygon at least 3 points and a line 2."""
    if kind == "bbox_2d" and count != 4:
        return Fault("wrong_arity", f"bbox_2d needs exactly 4 coordinates, has {count}")
    if count < MIN_VALUES[kind] or count % 2:
        fewest = MIN_VALUES[kind]
        reason = f"{kind} needs an even count of at least {fewest} coordinates, has {count}"
        return Fault("wrong_arity", reason)
    return None


def corner_fault(kind: Kind, values: Sequence[int]) -> Fault | None:
    """A box goes from left to right and from top to bottom; it may be a point or a stroke."""
    if kind == "bbox_2d" and (values[0] > values[2] or values[1] > values[3]):
        reason = f"bbox_2d needs x1 <= x2 and y1 <= y2, is {list(values)}"
        return Fault("reversed_corners", reason)
    return None


def bins_fault(kind: Kind, bins: Sequence[int]) -> Fault | None:
    """Count, range and corner order of the coordinates of one geometry."""
    fault = arity_fault(kind, len(bins))
    if fault:
        return fault
    if not all(0 <= value < BINS for value in bins):
        return Fault("non_coord_token", f"{kind} has a coordinate outside 0..{BINS - 1}")
    return corner_fault(kind, bins)
