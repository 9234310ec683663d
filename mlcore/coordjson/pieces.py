"""Named stretches of an answer, and the walk that cuts a JSON answer into them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mlcore.coordjson.types import FieldOrder
from mlcore.objectjson.scale import PlainObject

PieceName = Literal["desc", "coord", "format", "summary", "text"]
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Piece:
    """A stretch of the answer. `bin` is 0..999 for a coordinate token and -1 otherwise."""

    name: PieceName
    text: str
    bin: int = -1


Literally = Callable[[int], tuple[str, int]]
"""how a number is written, and the bin that its piece has"""


def cut_json(
    text: str, objects: Sequence[PlainObject], order: FieldOrder, literally: Literally
) -> list[Piece]:
    """A JSON answer in pieces.

    The text is walked with what it must contain next, so words of a description that look like
    a coordinate are never taken for one.
    """
    walk = _Walk(text)
    for item in objects:
        if order != "geometry_first":
            walk.desc(item.desc)
        walk.geometry(item, literally)
        if order == "geometry_first":
            walk.desc(item.desc)
    return walk.finish()


class _Walk:
    """Cuts a text from left to right; what lies between two finds is format."""

    def __init__(self, text: str) -> None:
        self._text, self._done = text, 0
        self._pieces: list[Piece] = []

    def desc(self, desc: str) -> None:
        words = json.dumps(desc, ensure_ascii=False)[1:-1]
        self._take(Piece("desc", words), self._after('"desc": "'))

    def geometry(self, item: PlainObject, literally: Literally) -> None:
        at = self._after(f'"{item.kind}": [')
        for value in item.numbers:
            literal, bin_ = literally(value)
            at = self._number(at) if bin_ < 0 else self._text.index(literal, at)
            self._take(Piece("coord", literal, bin_), at)
            at = self._done

    def finish(self) -> list[Piece]:
        return [*self._pieces, Piece("format", self._text[self._done :])]

    def _after(self, key: str) -> int:
        return self._text.index(key, self._done) + len(key)

    def _number(self, at: int) -> int:
        found = _NUMBER.search(self._text, at)
        assert found is not None
        return found.start()

    def _take(self, piece: Piece, at: int) -> None:
        assert self._text.startswith(piece.text, at), self._text[at : at + 40]
        between = self._text[self._done : at]
        if between:
            self._pieces.append(Piece("format", between))
        self._pieces.append(piece)
        self._done = at + len(piece.text)
