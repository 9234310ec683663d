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

import json
import re
from itertools import chain, islice
from typing import Any, ClassVar

from mlcore.coordjson.cursor import Cursor, Geometry, shown
from mlcore.coordjson.errors import AnswerError, Rule
from mlcore.coordjson.shape import BLANK, COLON, COMMA, record_body, unquoted
from mlcore.coordjson.types import KINDS, MIN_VALUES, FieldOrder, Kind, desc_fault
from mlcore.objectjson.errors import ObjectJsonError
from mlcore.objectjson.scale import PlainObject, Scale, numbers_fault

_N = "(?:0|[1-9][0-9]{0,5}+)"
_FLAT = rf"{_N}(?:{COMMA}{_N})*+"
_POINT = rf"\[{BLANK}{_N}{COMMA}{_N}{BLANK}\]"
_GEOMETRY = (
    rf'(?:"line_points"{COLON}({_N}){COMMA})?+"(bbox_2d|poly|line)"{COLON}'
    rf"(\[{BLANK}(?:{_FLAT}|{_POINT}(?:{COMMA}{_POINT})*+){BLANK}\])"
)
BODY = record_body(_GEOMETRY)
"""groups: desc, line_points, kind, list; line_points, kind, list, desc"""
_HEAD = re.compile(rf"{BLANK}\{{{BLANK}")
_NEXT = re.compile(
    rf'"object_([0-9]++)"{COLON}\{{{BLANK}{BODY}{BLANK}(?:,{BLANK}|(\}}{BLANK})\Z)|(.+)', re.DOTALL
)
"""an object and what follows it: the next one or the end; or else all the rest of the text, so
that nothing is ever stepped over"""
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,5})(?![0-9.eE])")


def parse_strict(
    text: str, scale: Scale, field_order: FieldOrder = "desc_first"
) -> list[PlainObject]:
    """The objects that a model's answer names, in its order, in the numbers of the scale.

    Time and memory grow linearly with the text. Raises ObjectJsonError and nothing else, whatever
    the text holds.
    """
    objects: list[PlainObject] = []
    head = _HEAD.match(text)
    if head is None:
        ObjectCursor(text, scale, field_order).document(objects)
    elif not _read_right_ones(text, head.end(), scale, field_order, objects):
        at = head.end()
        for found in islice(_NEXT.finditer(text, at), len(objects)):
            at = found.end()
        ObjectCursor(text, scale, field_order, at).rest(objects)
    return objects


def _read_right_ones(
    text: str, at: int, scale: Scale, field_order: FieldOrder, objects: list[PlainObject]
) -> bool:
    """Read objects until one is not right (False) or the answer has ended (True)."""
    rows = _NEXT.findall(text, at)
    if rows and rows[-1][-1]:
        rows.pop()
    lists = json.loads(f"[{','.join([row[4] or row[7] for row in rows])}]")
    read = ObjectReader(scale).read
    for index, row in enumerate(rows):
        number, inner, count, kind, _, count_2, kind_2, _, inner_2, end, _ = row
        if kind and field_order != "geometry_first":
            item = read(inner, count, kind, lists[index])
        elif kind_2 and field_order != "desc_first":
            item = read(inner_2, count_2, kind_2, lists[index])
        else:
            return False
        if item is None or number != str(index + 1):
            return False
        objects.append(item)
        if end:
            return True
    return False


class ObjectReader:
    """Makes objects of what BODY has matched."""

    def __init__(self, scale: Scale) -> None:
        self.last_x, self.last_y = scale.limits
        self.words: dict[str, str] = {}
        """descriptions that were right before"""

    def read(self, inner: str, count: str, kind: Kind, values: list[Any]) -> PlainObject | None:
        """The object of what stands between the quotes and of its list, flat or of points; None
        when it is not right. `count` is line_points, empty when there is none."""
        desc = self.words.get(inner)
        if desc is None:
            desc = unquoted(inner)
            if (not desc.isprintable() or desc.isspace()) and desc_fault(desc):
                return None
            self.words[inner] = desc
        size = len(values)
        first = values[0]
        if isinstance(first, int):
            numbers = tuple(values)
            if kind != "bbox_2d" or size != 4 or count:
                return None
            if first > numbers[2] or numbers[1] > numbers[3]:
                return None
            fits = numbers[2] <= self.last_x and numbers[3] <= self.last_y
        else:
            if kind == "bbox_2d" or size * 2 < MIN_VALUES[kind]:
                return None
            if count != (str(size) if kind == "line" else ""):
                return None
            numbers = tuple(chain.from_iterable(values))
            fits = max(numbers[0::2]) <= self.last_x and max(numbers[1::2]) <= self.last_y
        return PlainObject(desc, kind, numbers) if fits else None


class ObjectCursor(Cursor):
    """A cursor over object_N JSON."""

    error: ClassVar[type[AnswerError]] = ObjectJsonError
    keys: ClassVar[frozenset[str]] = frozenset({"desc", "line_points", *KINDS})

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

    def document(self, objects: list[PlainObject]) -> None:
        """Read a whole answer."""
        self.expect("{")
        self.rest(objects)

    def rest(self, objects: list[PlainObject]) -> None:
        """Read from after the `{`, or from after the comma that follows the objects so far."""
        if not objects and self.peek() == "}":
            self.at += 1
        else:
            objects.append(self._numbered(len(objects) + 1))
            while not self.comma_or("}"):
                objects.append(self._numbered(len(objects) + 1))
        self.finish()

    def _numbered(self, number: int) -> PlainObject:
        start = self.next()
        key = self.key(f"the key 'object_{number}'")
        if key != f"object_{number}":
            self.fail(start, f"expected the key 'object_{number}', found {shown(key)}", "bad_index")
        self.expect(":")
        return PlainObject(*self.entry())

    def geometry(self, key: str, start: int) -> Geometry | None:
        at = self.at
        if key == "bbox_2d":
            numbers = tuple(self._list())
        elif key == "poly":
            numbers = self._pairs()
        elif key == "line_points":
            return "line", self._line(start)
        elif key == "line":
            self.fail(start, "'line_points' must stand before 'line'", "line_points")
        else:
            return None
        kind: Kind = "poly" if key == "poly" else "bbox_2d"
        self.check(numbers_fault(kind, numbers, self.scale), at)
        return kind, numbers

    def _line(self, start: int) -> tuple[int, ...]:
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
