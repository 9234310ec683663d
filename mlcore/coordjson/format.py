"""In which grammar answers are written, and the door through which they are read again."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from mlcore.config.base import StrictModel
from mlcore.coordjson.parse import parse_strict
from mlcore.coordjson.render import render
from mlcore.coordjson.salvage import parse_salvage
from mlcore.coordjson.types import CoordObject, FieldOrder, Kind
from mlcore.geometry.spaces import to_bins
from mlcore.objectjson.parse import parse_strict as parse_object_strict
from mlcore.objectjson.render import render as render_objects
from mlcore.objectjson.salvage import parse_salvage as parse_objects
from mlcore.objectjson.scale import EmitNorm, Scale, from_pixels, to_coord_object


class AnswerFormat(StrictModel):
    """How a dense answer is written."""

    grammar: Literal["coordjson", "objectjson"] = "coordjson"
    """coordjson: a list with coordinate tokens; objectjson: JSON with object_1, object_2, ..."""
    emit_norm: EmitNorm = "norm1000"
    """the numbers of objectjson: pixels, 0..99 or 0..999 of the image's side; coordjson has
    always 0..999"""
    field_order: FieldOrder = "desc_first"
    """which key an object gives first; any reads both and writes the description first"""


class PixelObject(Protocol):
    """A described thing in pixels, as in a record: `points` is flat, x1, y1, x2, y2, ..."""

    @property
    def desc(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def points(self) -> tuple[float, ...]: ...


def read_answer(text: str, format: AnswerFormat, width: int, height: int) -> list[CoordObject]:
    """The objects of an answer, strictly, on the grid of 0..999; width and height in pixels.

    Pixels of objectjson become the nearest bin. Raises AnswerError (CoordJsonError or
    ObjectJsonError) for a text that is not in this format, whatever it holds.
    """
    if format.grammar == "coordjson":
        return parse_strict(text, format.field_order)
    scale = Scale(format.emit_norm, width, height)
    objects = parse_object_strict(text, scale, format.field_order)
    return [to_coord_object(item, scale) for item in objects]


def count_salvaged(text: str, format: AnswerFormat, width: int, height: int) -> int:
    """How many objects of a text are right by themselves, whatever stands around them.

    Width and height in pixels. Raises nothing; time grows linearly with the text.
    """
    if format.grammar == "coordjson":
        return len(parse_salvage(text, format.field_order).records)
    scale = Scale(format.emit_norm, width, height)
    return len(parse_objects(text, scale, format.field_order).records)


def write_answer(
    objects: Iterable[PixelObject], format: AnswerFormat, width: int, height: int
) -> str:
    """The answer that names these objects, in their order.

    Raises DataError for a point outside the image, AnswerError for what cannot be written.
    """
    if format.grammar == "coordjson":
        return render(
            (CoordObject(o.desc, o.kind, to_bins(o.points, width, height)) for o in objects),
            format.field_order,
        )
    scale = Scale(format.emit_norm, width, height)
    plain = (from_pixels(o.desc, o.kind, o.points, scale) for o in objects)
    return render_objects(plain, scale, format.field_order)
