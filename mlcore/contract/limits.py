"""The cap on picture size: checked before any model is loaded, never met by resizing.

Records say where things are in a picture of one size. A picture of another size, or one that is
made smaller on the way to the model, would put them elsewhere; so both are errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from mlcore.contract.pictures import Fault, header_of
from mlcore.contract.records import Record
from mlcore.errors import DataError

DEFAULT_MAX_PIXELS = 768 * 32 * 32
MaxPixels = Annotated[int, Field(ge=32 * 32, le=100_000_000)]
"""a config's cap on width * height"""
SHOWN = 3


def check_limits(records: Iterable[Record], root: Path, max_pixels: int) -> None:
    """Hold every record and its files to the cap, and the files to the record's size.

    Sizes in pixels; images lie below `root`. A file that is missing or broken is left to the
    checks that count rejects. Raises DataError with the first records by id, their sizes, how
    many there are, and the remedy.
    """
    large: list[str] = []
    other: list[str] = []
    for record in records:
        size = f"{record.width} x {record.height}"
        if record.width * record.height > max_pixels:
            large.append(f"{record.id}: {size} by its record")
            continue
        for path in record.images:
            header = header_of(root, path)
            if isinstance(header, Fault):
                continue
            stored = f"{header.width} x {header.height}"
            if header.width * header.height > max_pixels:
                large.append(f"{record.id}: {path} is {stored}, the record says {size}")
            elif header.orientation != 1:
                other.append(f"{record.id}: {path} is turned by its EXIF orientation")
            elif (header.width, header.height) != (record.width, record.height):
                other.append(f"{record.id}: {path} is {stored}, the record says {size}")
    _refuse(large, other, root, max_pixels)


def _refuse(large: list[str], other: list[str], root: Path, max_pixels: int) -> None:
    if large:
        raise DataError(
            f"{len(large)} images have more than max_pixels, {max_pixels:,} pixels: {_some(large)}",
            hint="Import the data anew with resize.max_pixels, which moves the geometry along, or "
            "raise max_pixels if the model and the memory allow it. Nothing is resized here.",
            where=str(root),
        )
    if other:
        raise DataError(
            f"{len(other)} images are not as their records say: {_some(other)}",
            hint="`python -m mlcore data validate` names every one; import the data anew.",
            where=str(root),
        )


def _some(rows: list[str]) -> str:
    more = f"; and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return "; ".join(rows[:SHOWN]) + more
