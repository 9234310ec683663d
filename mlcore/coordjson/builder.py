"""What a grammar of answers is: how it is asked for, written and read, in one class.

A builder is registered by the name that `answer.grammar` of a config picks. Each lies in a file of
`mlcore/coordjson/builders/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from mlcore.coordjson.pieces import Piece
from mlcore.coordjson.scan import Part
from mlcore.coordjson.types import CoordObject, Kind
from mlcore.objectjson.scale import PlainObject, Scale, from_pixels, to_coord_object
from mlcore.registry import Registry

if TYPE_CHECKING:
    from mlcore.coordjson.format import AnswerFormat


class PixelObject(Protocol):
    """A described thing in pixels, as in a record: `points` is flat, x1, y1, x2, y2, ..."""

    @property
    def desc(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def points(self) -> tuple[float, ...]: ...


class AnswerBuilder(ABC):
    """One grammar. A builder has no state; sizes of images are in pixels."""

    @abstractmethod
    def asked(self, format: AnswerFormat) -> str:
        """The sentences with which the profile `dense` asks for it."""

    @abstractmethod
    def write(self, objects: Sequence[PixelObject], scale: Scale, format: AnswerFormat) -> str:
        """The answer that names the objects, in their order.

        Raises DataError for a point outside the image, AnswerError for what cannot be written.
        """

    @abstractmethod
    def read(self, text: str, scale: Scale, format: AnswerFormat) -> list[CoordObject]:
        """The objects of an answer, strictly, on the grid of 0..999. Raises AnswerError."""

    @abstractmethod
    def salvaged(self, text: str, scale: Scale, format: AnswerFormat) -> list[Part]:
        """Where the objects stand that are right by themselves, in any text: characters from the
        first to one past the last. Raises nothing, in linear time."""

    @abstractmethod
    def pieces(
        self, text: str, objects: Sequence[PlainObject], format: AnswerFormat
    ) -> list[Piece]:
        """What `write` gave, cut into pieces that joined are the text; `objects` are those it names
        with the numbers that it must show."""

    def scale(self, format: AnswerFormat, width: int, height: int) -> Scale:
        """What its numbers mean: bins unless it says otherwise."""
        return Scale("norm1000", width, height)


BUILDERS: Registry[type[AnswerBuilder]] = Registry("answer grammar", "mlcore.coordjson.builders")
register = BUILDERS.register


def shown(objects: Sequence[PixelObject], scale: Scale) -> list[PlainObject]:
    """The objects with the numbers that an answer shows of them. Raises DataError for a point
    outside the image."""
    return [from_pixels(o.desc, o.kind, o.points, scale) for o in objects]


def meant(objects: Sequence[PlainObject], scale: Scale) -> list[CoordObject]:
    """The objects with the bins that their numbers mean: what an answer must read back as."""
    return [to_coord_object(item, scale) for item in objects]
