"""Records from pixels to bins and back, always by an explicit call.

The arithmetic is that of `mlcore.geometry.spaces`: bin k means k / 999 of the way from the first
pixel to the last. From bins to pixels and back is the identity on every bin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mlcore.contract.records import (
    COORD_SPACE,
    CoordSpace,
    Frame,
    Record,
    SceneObject,
    geometry_faults,
)
from mlcore.errors import DataError
from mlcore.geometry.spaces import to_bins, to_pixels

Convert = Callable[[Sequence[float]], tuple[float, ...]]


def in_pixels(record: Record) -> Record:
    """The record in `pixel`; coordinates that come from bins are not rounded.

    Raises DataError where an object would lose its extent (an image one pixel wide or high).
    """
    if record.coord_space == COORD_SPACE:
        return record
    width, height = record.width, record.height
    return _converted(
        record, "pixel", lambda points: to_pixels([int(v) for v in points], width, height)
    )


def in_bins(record: Record) -> Record:
    """The record in `norm1000`, each coordinate in its nearest bin, halves upwards.

    Raises DataError naming the object whose corners fall into one bin: it is too small for bins.
    """
    if record.coord_space != COORD_SPACE:
        return record
    width, height = record.width, record.height
    return _converted(record, "norm1000", lambda points: to_bins(points, width, height))


def _converted(record: Record, space: CoordSpace, convert: Convert) -> Record:
    frame = Frame(space, record.width, record.height)
    objects = []
    for i, item in enumerate(record.objects):
        points = convert(item.points)
        faults = geometry_faults(item.kind, points, frame)
        if faults:
            path = f"objects[{i}].{item.kind}"
            raise DataError(
                f"{record.id}: {path}: cannot be converted to {space}: {faults[0][1]}",
                hint="Take the object out, or keep the record in its own space.",
                where=f"{record.id}: {path}",
            )
        objects.append(SceneObject(item.desc, item.kind, points))
    return replace(record, coord_space=space, objects=tuple(objects))
