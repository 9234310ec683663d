"""CoordJSON text to objects, strictly: a text is right in every detail or it is refused.

    text    = { "objects" : [ objects ] }
    object  = { "desc" : STRING , GEOMETRY : [ COORD , ... ] }     or the geometry first
    COORD   = <|coord_N|>, N = 0..999 without leading zeros, bare

Blanks (JSON's four) may stand between the signs. Refused: anything before or after, a trailing or
doubled comma, an unknown or repeated key, numbers or quoted coordinates, reversed corners.
"""
from __future__ import annotations

import json
import re
from typing import Literal

from mlcore.coordjson.errors import CoordJsonError, Rule
from mlcore.coordjson.types import (
    KINDS,
    CoordObject,
    Fault,
    FieldOrder,
    Kind,
    bins_fault,
    desc_fault,
)

_BLANKS = re.compile(r"[ \t\n\r]*+")
_COORD = re.compile(r"<\|coord_(0|[1-9][0-9]{0,2})\|>")
_STRING = json.JSONDecoder()
_Field = tuple[Literal["desc"], str] | tuple[Kind, tuple[int, ...]]


def parse_strict(text: str, field_order: FieldOrder = "desc_first") -> list[CoordObject]:
    """The objects that a model's answer names, in its order.

    `field_order` says which key each object gives first; `any` takes either. Time and memory grow
    linearly with the text. Raises CoordJsonError and nothing else, whatever the text holds.
    """
    return _Parser(text, field_order).document()


class _Parser:
    """A cursor over the text."""

    def __init__(self, text: str, field_order: FieldOrder) -> None:
        self.text = text
        self.field_order = field_order
        self.at = 0

    def document(self) -> list[CoordObject]:
        objects: list[CoordObject] = []
        self._expect("{")
        start = self._next()
        key = self._string("the key 'objects'")
        if key != "objects":
            raise CoordJsonError(start, f"the top key must be 'objects', is {_shown(key)}", "keys")
        self._expect(":")
        self._expect("[")
        if self._peek() == "]":
            self.at += 1
        else:
            self._objects(objects)
        self._close_document()
        return objects

    def _objects(self, objects: list[CoordObject]) -> None:
        while True:
            objects.append(self._object())
            if self._comma_or("]"):
                return

    def _close_document(self) -> None:
        if self._peek() == ",":
            raise CoordJsonError(self.at, "'objects' is the only key allowed at the top", "keys")
        self._expect("}")
        if self._next() < len(self.text):
            raise CoordJsonError(self.at, "text follows the end of the answer")

    def _object(self) -> CoordObject:
        start = self._next()
        self._expect("{")
        first = self._field("")
        if self._comma_or("}"):
            missing = "geometry" if first[0] == "desc" else "'desc'"
            raise CoordJsonError(start, f"the object has no {missing}", "keys")
        second_at = self._next()
        second = self._field(first[0])
        if not self._comma_or("}"):
            raise CoordJsonError(self.at, "an object has exactly two keys", "keys")
        return self._joined(first, second, second_at)

    def _joined(self, first: _Field, second: _Field, second_at: int) -> CoordObject:
        if first[0] == "desc" and second[0] != "desc":
            item, order = CoordObject(first[1], second[0], second[1]), "desc_first"
        elif first[0] != "desc" and second[0] == "desc":
            item, order = CoordObject(second[1], first[0], first[1]), "geometry_first"
        else:
            raise CoordJsonError(second_at, "an object has one 'desc' and one geometry", "keys")
        if self.field_order not in (order, "any"):
            raise CoordJsonError(second_at, f"the keys must stand {self.field_order}", "order")
        return item

    def _field(self, other: str) -> _Field:
        start = self._next()
        key = self._string("a key")
        if key == other:
            raise CoordJsonError(start, f"the key {_shown(key)} occurs twice", "keys")
        self._expect(":")
        if key == "desc":
            return "desc", self._desc()
        for kind in KINDS:
            if key == kind:
                return kind, self._bins(kind)
        raise CoordJsonError(start, f"unknown key {_shown(key)}", "keys")

    def _desc(self) -> str:
        start = self._next()
        desc = self._string("the description", "desc")
        self._check(desc_fault(desc), start)
        return desc

    def _bins(self, kind: Kind) -> tuple[int, ...]:
        start = self._next()
        self._expect("[", "coordinate")
        bins: list[int] = []
        if self._peek() == "]":
            self.at += 1
        else:
            bins.append(self._coord())
            while not self._comma_or("]"):
                bins.append(self._coord())
        self._check(bins_fault(kind, bins), start)
        return tuple(bins)

    def _coord(self) -> int:
        found = _COORD.match(self.text, self._next())
        if found is None:
            self._end_check()
            reason = f"expected a coordinate token of 0..999, found {self._found()}"
            raise CoordJsonError(self.at, reason, "coordinate")
        self.at = found.end()
        return int(found[1])

    def _string(self, what: str, rule: Rule = "syntax") -> str:
        if self._peek() != '"':
            self._end_check()
            raise CoordJsonError(self.at, f"expected {what} in quotes, found {self._found()}", rule)
        try:
            value, end = _STRING.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            torn: Rule = "truncated" if error.msg.startswith("Unterminated") else rule
            raise CoordJsonError(error.pos, f"{what}: {error.msg}", torn) from error
        self.at = end
        return str(value)

    def _comma_or(self, closer: str) -> bool:
        """Step over a comma (False) or over the closing sign (True)."""
        found = self._peek()
        if found not in (",", closer):
            self._end_check()
            raise CoordJsonError(self.at, f"expected ',' or '{closer}', found {self._found()}")
        self.at += 1
        return found == closer

    def _expect(self, sign: str, rule: Rule = "syntax") -> None:
        if self._peek() != sign:
            self._end_check()
            raise CoordJsonError(self.at, f"expected '{sign}', found {self._found()}", rule)
        self.at += 1

    def _next(self) -> int:
        """Step over blanks; returns the new position."""
        blanks = _BLANKS.match(self.text, self.at)
        self.at = blanks.end() if blanks else self.at
        return self.at

    def _peek(self) -> str:
        return self.text[self._next() : self.at + 1]

    def _end_check(self) -> None:
        if self.at >= len(self.text):
            raise CoordJsonError(self.at, "the answer ends too early", "truncated")

    def _found(self) -> str:
        return _shown(self.text[self.at : self.at + 16])

    @staticmethod
    def _check(fault: Fault | None, position: int) -> None:
        if fault:
            raise CoordJsonError(position, fault.reason, fault.rule)


def _shown(text: str) -> str:
    """Text for a message: short, quoted, safe to print."""
    return ascii(text if len(text) <= 24 else text[:24] + "...")
