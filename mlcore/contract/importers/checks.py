"""What makes one annotated object unusable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mlcore.contract.importers.source import Annotation
from mlcore.contract.pictures import Fault
from mlcore.contract.records import COORD_SPACE, MIN_VALUES, Frame, geometry_faults, is_one_line
from mlcore.contract.transform import Points
from mlcore.geometry.measure import extent

LEAST_EXTENT = 1e-6
"""square pixels, for lines pixels: less than this is the noise of binary fractions"""
BOUNDS = "geometry.bounds"


def object_fault(
    given: Annotation, points: Points, size: tuple[int, int], seen: set[tuple[str, Points]]
) -> Fault | None:
    """The first rule that an object breaks; bounds come last, since clipping may cure those.

    `points` are pixels of a picture of `size`; `seen` holds the objects before it.
    """
    if not given.desc.strip() or not is_one_line(given.desc):
        return Fault("source.label", f"{given.desc!r} is not one line of text")
    shown = [int(v) if float(v).is_integer() else v for v in points]
    if len(points) < MIN_VALUES[given.kind] or len(points) % 2:
        return Fault("geometry.count", f"{given.desc} has {len(points) // 2} points: {shown}")
    faults = geometry_faults(given.kind, shown, Frame(COORD_SPACE, *size))
    faults.sort(key=lambda fault: fault[0] == BOUNDS)
    if not faults and extent(given.kind, points) < LEAST_EXTENT:
        faults = [("geometry.empty", f"has no extent: {shown}")]
    if faults:
        rule, message = faults[0]
        return Fault(rule, f"{given.desc} {message}")
    if (given.desc, points) in seen:
        return Fault("source.duplicate", f"{given.desc} occurs twice: {shown}")
    return None


def group_fault(kept: Iterable[Annotation]) -> Fault | None:
    """A group that only one object of the picture has: its others were missed or rejected."""
    members = Counter(group for given in kept for group in given.groups)
    alone = sorted(group for group, count in members.items() if count == 1)
    if alone:
        return Fault("source.group", f"the group {alone[0]} has one member")
    return None
