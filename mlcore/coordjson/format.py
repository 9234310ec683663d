"""In which grammar answers are written, and the door through which they are read again."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator

from mlcore.config.base import StrictModel
from mlcore.coordjson.builder import BUILDERS, AnswerBuilder, PixelObject
from mlcore.coordjson.scan import Part
from mlcore.coordjson.types import CoordObject, FieldOrder
from mlcore.objectjson.scale import EmitNorm

BLANKS = "逗号和冒号后各有一个空格，不换行。"
"""what a prompt says of the blanks of JSON"""


def _known(name: str) -> str:
    BUILDERS.get(name)
    return name


class _Names:
    """The schema names what is registered when it is made."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "enum": BUILDERS.names()}


class AnswerFormat(StrictModel):
    """How a dense answer is written."""

    grammar: Annotated[str, AfterValidator(_known), _Names] = "coordjson"
    """coordjson: a list with coordinate tokens; objectjson: JSON with object_1, object_2, ..."""
    emit_norm: EmitNorm = "norm1000"
    """the numbers of objectjson: pixels, 0..99 or 0..999 of the image's side; coordjson has
    always 0..999"""
    field_order: FieldOrder = "desc_first"
    """which key an object gives first; any reads both and writes the description first"""

    @property
    def builder(self) -> AnswerBuilder:
        """What writes and reads this grammar."""
        return BUILDERS.get(self.grammar)()

    def pair(self, desc: str, geometry: str) -> str:
        """The two keys of an object in their order, for prompts."""
        order = (geometry, desc) if self.field_order == "geometry_first" else (desc, geometry)
        return ", ".join(order)


def read_answer(text: str, format: AnswerFormat, width: int, height: int) -> list[CoordObject]:
    """The objects of an answer, strictly, on the grid of 0..999; width and height in pixels.

    Pixels of objectjson become the nearest bin. Raises AnswerError (CoordJsonError or
    ObjectJsonError) for a text that is not in this format, whatever it holds.
    """
    builder = format.builder
    return builder.read(text, builder.scale(format, width, height), format)


def object_spans(text: str, format: AnswerFormat, width: int, height: int) -> list[Part]:
    """Where the objects of a text stand that are right by themselves, whatever is around them.

    Of a text that `read_answer` takes these are its objects, in their order. Width and height in
    pixels; places count characters. Raises nothing; time grows linearly with the text.
    """
    builder = format.builder
    return builder.salvaged(text, builder.scale(format, width, height), format)


def count_salvaged(text: str, format: AnswerFormat, width: int, height: int) -> int:
    """How many objects of a text are right by themselves; width and height in pixels."""
    return len(object_spans(text, format, width, height))


def write_answer(
    objects: Iterable[PixelObject], format: AnswerFormat, width: int, height: int
) -> str:
    """The answer that names these objects, in their order.

    Raises DataError for a point outside the image, AnswerError for what cannot be written.
    """
    builder = format.builder
    return builder.write(list(objects), builder.scale(format, width, height), format)
