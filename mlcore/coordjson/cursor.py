"""A cursor over an answer's text: what both grammars read in the same way.

The text is read from `start` to `stop` and never copied, so that reading a part costs what that
part is long.
"""
from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, NoReturn

from mlcore.coordjson.errors import AnswerError, Rule
from mlcore.coordjson.types import Fault, FieldOrder, Kind, desc_fault

BLANK = r"[ \t\n\r]*+"
STRING = (
    r'"([^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+)"'
)
"""a JSON string as RFC 8259 writes it; group 1 is what stands between the quotes"""
_BLANKS = re.compile(BLANK)
_STRING = re.compile(STRING)
_OPEN_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+\\?\Z', re.DOTALL)
Desc = tuple[Literal["desc"], str]
Geometry = tuple[Kind, tuple[int, ...]]


@dataclass(frozen=True)
class Entry:
    """One object as it was read, with where its parts stand: (first, one past the last)."""

    desc: str
    kind: Kind
    values: tuple[int, ...]
    span: tuple[int, int]
    geometry_span: tuple[int, int]


def unquoted(inner: str) -> str:
    """The text that stands for what a JSON string has between its quotes."""
    return str(json.loads(f'"{inner}"')) if "\\" in inner else inner


class Cursor(ABC):
    """Reads one object; the grammars add their geometry and what stands around the objects."""

    error: ClassVar[type[AnswerError]]

    def __init__(
        self, text: str, field_order: FieldOrder, start: int = 0, stop: int | None = None
    ) -> None:
        self.text = text
        self.field_order = field_order
        self.at = start
        self.stop = len(text) if stop is None else stop

    @abstractmethod
    def geometry(self, key: str, start: int) -> Geometry | None:
        """Read the geometry that `key`, seen at `start`, begins; None when it is no such key."""

    def entry(self) -> Entry:
        """Read one object."""
        start = self.next()
        self.expect("{", "syntax" if self.peek() in (",", "]", "}") else "not_an_object")
        first, first_span = self._field("")
        if self.comma_or("}"):
            self.fail(start, *_missing(first))
        second_at = self.next()
        second, second_span = self._field(first[0])
        if not self.comma_or("}"):
            self.fail(self.at, "an object has one description and one geometry, no more keys",
                      "unexpected_keys")
        if first[0] == "desc" and second[0] != "desc":
            order, desc, (kind, values), span = "desc_first", first[1], second, second_span
        elif first[0] != "desc" and second[0] == "desc":
            order, desc, (kind, values), span = "geometry_first", second[1], first, first_span
        else:
            self.fail(second_at, "an object has only one geometry", "unexpected_keys")
        if self.field_order not in (order, "any"):
            self.fail(second_at, f"the keys must stand {self.field_order}", "order_violation")
        return Entry(desc, kind, values, (start, self.at), span)

    def _field(self, other: str) -> tuple[Desc | Geometry, tuple[int, int]]:
        start = self.next()
        if not other and self.peek() == "}":
            self.fail(start, "the object is empty", "missing_desc")
        key = self.key("a key")
        if key == other:
            self.fail(start, f"the key {shown(key)} occurs twice", "unexpected_keys")
        if key == "desc":
            self.expect(":")
            return ("desc", self._desc()), (start, self.at)
        geometry = self.geometry(key, start)
        if geometry is None:
            self.fail(start, f"unknown key {shown(key)}", "unexpected_keys")
        if geometry[0] == other:
            self.fail(start, f"the key {shown(geometry[0])} occurs twice", "unexpected_keys")
        return geometry, (start, self.at)

    def _desc(self) -> str:
        start = self.next()
        desc = unquoted(self._inner("the description", "bad_desc"))
        self.check(desc_fault(desc), start)
        return desc

    def key(self, what: str) -> str:
        """Step over a key; it counts as written, so one with escapes is an unknown one."""
        return self._inner(what, "syntax")

    def _inner(self, what: str, rule: Rule) -> str:
        if self.peek() != '"':
            self.end_check()
            self.fail(self.at, f"expected {what} in quotes, found {self.found()}", rule)
        found = _STRING.match(self.text, self.at, self.stop)
        if found is None:
            if _OPEN_STRING.match(self.text, self.at, self.stop):
                self.fail(self.at, f"{what} does not end", "truncated")
            self.fail(self.at, f"{what} holds a raw control character or a wrong escape", rule)
        self.at = found.end()
        return found[1]

    def comma_or(self, closer: str) -> bool:
        """Step over a comma (False) or over the closing sign (True)."""
        found = self.peek()
        if found not in (",", closer):
            self.end_check()
            self.fail(self.at, f"expected ',' or '{closer}', found {self.found()}")
        self.at += 1
        return found == closer

    def expect(self, sign: str, rule: Rule = "syntax") -> None:
        """Step over a sign."""
        if self.peek() != sign:
            self.end_check()
            self.fail(self.at, f"expected '{sign}', found {self.found()}", rule)
        self.at += 1

    def next(self) -> int:
        """Step over blanks; returns the new position."""
        blanks = _BLANKS.match(self.text, self.at, self.stop)
        self.at = blanks.end() if blanks else self.at
        return self.at

    def peek(self) -> str:
        """The sign after the blanks; empty at the end."""
        return self.text[self.next() : min(self.at + 1, self.stop)]

    def end_check(self) -> None:
        if self.at >= self.stop:
            self.fail(self.at, "the answer ends too early", "truncated")

    def finish(self) -> None:
        """Only blanks may follow."""
        if self.next() < self.stop:
            self.fail(self.at, "text follows the end of the answer")

    def found(self) -> str:
        return shown(self.text[self.at : min(self.at + 16, self.stop)])

    def check(self, fault: Fault | None, position: int) -> None:
        if fault:
            self.fail(position, fault.reason, fault.rule)

    def fail(self, position: int, reason: str, rule: Rule = "syntax") -> NoReturn:
        raise self.error(position, reason, rule)


def _missing(field: Desc | Geometry) -> tuple[str, Rule]:
    if field[0] == "desc":
        return "the object has no geometry", "missing_geometry"
    return "the object has no 'desc'", "missing_desc"


def shown(text: str) -> str:
    """Text for a message: short, quoted, safe to print."""
    return ascii(text if len(text) <= 24 else text[:24] + "...")
