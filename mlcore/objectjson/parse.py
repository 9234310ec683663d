"""object_N JSON to objects, strictly: a text is right in every detail or it is refused.

    text     = { "object_1" : object , "object_2" : object , ... }
    object   = { "desc" : STRING , GEOMETRY }                      or the geometry first
    GEOMETRY = "bbox_2d" : [ N , N , N , N ]
             | "poly" : [ [ N , N ] , ... ]
             | "line_points" : COUNT , "line" : [ [ N , N ] , ... ]
    N        = whole number without sign or leading zeros, in the range of the scale

Blanks (JSON's four) may stand between the signs.
"""
from __future__ import annotations

import re
from typing import ClassVar

from mlcore.coordjson.cursor import Cursor, Entry, Geometry, shown
from mlcore.coordjson.errors import AnswerError, Rule
from mlcore.coordjson.types import FieldOrder
from mlcore.objectjson.errors import ObjectJsonError
from mlcore.objectjson.scale import PlainObject, Scale, numbers_fault

_NUMBER = re.compile(r"(0|[1-9][0-9]{0,5})(?![0-9.eE])")


def parse_strict(
    text: str, scale: Scale, field_order: FieldOrder = "desc_first"
) -> list[PlainObject]:
    """The objects that a model's answer names, in its order, in the numbers of the scale.

    Time and memory grow linearly with the text. Raises ObjectJsonError and nothing else, whatever
    the text holds.
    """
    return [
        PlainObject(entry.desc, entry.kind, entry.values)
        for entry in ObjectCursor(text, scale, field_order).document()
    ]


class ObjectCursor(Cursor):
    """A cursor over object_N JSON."""

    error: ClassVar[type[AnswerError]] = ObjectJsonError

    def __init__(
        self,
        text: str,
        scale: Scale,
        field_order: FieldOrder,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        super().__init__(text, field_order, start, stop)
        self.scale = scale

    def document(self) -> list[Entry]:
        """Read a whole answer."""
        self.expect("{")
        entries: list[Entry] = []
        if self.peek() == "}":
            self.at += 1
        else:
            entries.append(self._numbered(1))
            while not self.comma_or("}"):
                entries.append(self._numbered(len(entries) + 1))
        self.finish()
        return entries

    def _numbered(self, number: int) -> Entry:
        start = self.next()
        key = self.key(f"the key 'object_{number}'")
        if key != f"object_{number}":
            self.fail(start, f"expected the key 'object_{number}', found {shown(key)}", "bad_index")
        self.expect(":")
        return self.entry()

    def geometry(self, key: str, start: int) -> Geometry | None:
        if key == "bbox_2d":
            self.expect(":")
            at = self.next()
            numbers = tuple(self._list())
            self.check(numbers_fault("bbox_2d", numbers, self.scale), at)
            return "bbox_2d", numbers
        if key == "poly":
            self.expect(":")
            at = self.next()
            points = self._pairs()
            self.check(numbers_fault("poly", points, self.scale), at)
            return "poly", points
        if key == "line_points":
            return "line", self._line(start)
        if key == "line":
            self.fail(start, "'line_points' must stand before 'line'", "line_points")
        return None

    def _line(self, start: int) -> tuple[int, ...]:
        self.expect(":")
        self.next()
        count = self._number("line_points")
        self.expect(",", "line_points")
        key_at = self.next()
        if self.key("the key 'line'") != "line":
            self.fail(key_at, "'line' must stand after 'line_points'", "line_points")
        self.expect(":")
        at = self.next()
        points = self._pairs()
        self.check(numbers_fault("line", points, self.scale), at)
        if count != len(points) // 2:
            reason = f"line_points is {count}, the line has {len(points) // 2} points"
            self.fail(start, reason, "line_points")
        return points

    def _pairs(self) -> tuple[int, ...]:
        self.expect("[", "bad_number")
        out: list[int] = []
        if self.peek() == "]":
            self.at += 1
            return ()
        while True:
            at = self.next()
            pair = self._list()
            if len(pair) != 2:
                self.fail(at, f"a point has 2 numbers, this one {len(pair)}", "wrong_arity")
            out += pair
            if self.comma_or("]"):
                return tuple(out)

    def _list(self) -> list[int]:
        self.expect("[", "bad_number")
        if self.peek() == "]":
            self.at += 1
            return []
        numbers = [self._number("bad_number")]
        while not self.comma_or("]"):
            numbers.append(self._number("bad_number"))
        return numbers

    def _number(self, rule: Rule) -> int:
        found = _NUMBER.match(self.text, self.next(), self.stop)
        if found is None:
            self.end_check()
            self.fail(self.at, f"expected a whole number, found {self.found()}", rule)
        self.at = found.end()
        return int(found[1])
