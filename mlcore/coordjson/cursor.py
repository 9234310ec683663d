"""A cursor over an answer's text: what both grammars read in the same way.

The text is read from `start` to `stop` and never copied, so that reading a part costs what that
part is long.
"""
from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NoReturn

from mlcore.coordjson.errors import AnswerError, Rule
from mlcore.coordjson.shape import BLANK, COLON, STRING, unquoted
from mlcore.coordjson.types import Fault, FieldOrder, Kind, desc_fault

_BLANKS = re.compile(BLANK)
_STRING = re.compile(STRING)
_OPEN_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+\\?\Z', re.DOTALL)
_KEY = re.compile(BLANK + STRING + COLON)
_OPEN = re.compile(BLANK + r"\{")
_COMMA_OR = re.compile(BLANK + r"([,\]}])")
Desc = tuple[Literal["desc"], str]
Geometry = tuple[Kind, tuple[int, ...]]
Entry = tuple[str, Kind, tuple[int, ...]]
"""description, kind and numbers of one object"""


class Cursor(ABC):
    """Reads one object; the grammars add their geometry and what stands around the objects."""

    error: ClassVar[type[AnswerError]]
    keys: ClassVar[frozenset[str]]
    """the keys that an object may have"""

    def __init__(
        self, text: str, field_order: FieldOrder, start: int = 0, stop: int | None = None
    ) -> None:
        self.text = text
        self.field_order = field_order
        self.at = start
        self.stop = len(text) if stop is None else stop

    @abstractmethod
    def geometry(self, key: str, start: int) -> Geometry | None:
        """Read the geometry whose key, seen at `start`, and colon have been read; None when it is
        no such key."""

    def entry(self) -> Entry:
        """Read one object."""
        start = self.at
        opened = _OPEN.match(self.text, self.at, self.stop)
        if opened is None:
            self.expect("{", "syntax" if self.peek() in (",", "]", "}") else "not_an_object")
        else:
            self.at = opened.end()
        first, _ = self._field("")
        if self.comma_or("}"):
            self.fail(start, *_missing(first))
        second, second_at = self._field(first[0])
        if not self.comma_or("}"):
            if self.peek() == "}":
                self.fail(self.at, "expected a key after the comma, found '}'")
            reason = "an object has one description and one geometry, no more keys"
            self.fail(self.at, reason, "unexpected_keys")
        if first[0] == "desc" and second[0] != "desc":
            order, entry = "desc_first", (first[1], *second)
        elif first[0] != "desc" and second[0] == "desc":
            order, entry = "geometry_first", (second[1], *first)
        else:
            self.fail(second_at, "an object has only one geometry", "unexpected_keys")
        if self.field_order not in (order, "any"):
            self.fail(second_at, f"the keys must stand {self.field_order}", "order_violation")
        return entry

    def _field(self, other: str) -> tuple[Desc | Geometry, int]:
        """A key with its value, and where it stands."""
        found = _KEY.match(self.text, self.at, self.stop)
        if found is None:
            self._no_field(other)
        key, start = found[1], found.start(1) - 1
        self.at = found.end()
        if key == other:
            self._twice(start, key)
        if key == "desc":
            return ("desc", self._desc()), start
        geometry = self.geometry(key, start)
        if geometry is None:
            self._unknown(start, key)
        if geometry[0] == other:
            self._twice(start, other)
        return geometry, start

    def _no_field(self, other: str) -> NoReturn:
        """Say why no key and colon stand here."""
        start = self.next()
        if not other and self.peek() == "}":
            self.fail(start, "the object is empty", "missing_desc")
        key = self.key("a key")
        if key == other:
            self._twice(start, key)
        if key not in self.keys:
            self._unknown(start, key)
        self.expect(":")
        raise AssertionError(f"a key and a colon at {start}")

    def _twice(self, start: int, key: str) -> NoReturn:
        self.fail(start, f"the key {shown(key)} occurs twice", "unexpected_keys")

    def _unknown(self, start: int, key: str) -> NoReturn:
        self.fail(start, f"unknown key {shown(key)}", "unexpected_keys")

    def _desc(self) -> str:
        start = self.at
        desc = unquoted(self._inner("the description", "bad_desc"))
        if not desc.isprintable() or desc.isspace() or not desc:
            self.check(desc_fault(desc), start)
        return desc

    def key(self, what: str) -> str:
        """Step over a key; it counts as written, so one with escapes is an unknown one."""
        self.next()
        return self._inner(what, "syntax")

    def _inner(self, what: str, rule: Rule) -> str:
        found = _STRING.match(self.text, self.at, self.stop)
        if found is None:
            if self.peek() != '"':
                self.end_check()
                self.fail(self.at, f"expected {what} in quotes, found {self.found()}", rule)
            if _OPEN_STRING.match(self.text, self.at, self.stop):
                self.fail(self.at, f"{what} does not end", "truncated")
            self.fail(self.at, f"{what} holds a raw control character or a wrong escape", rule)
        self.at = found.end()
        return found[1]

    def comma_or(self, closer: str) -> bool:
        """Step over a comma (False) or over the closing sign (True)."""
        found = _COMMA_OR.match(self.text, self.at, self.stop)
        if found is None or found[1] not in (",", closer):
            self.next()
            self.end_check()
            self.fail(self.at, f"expected ',' or '{closer}', found {self.found()}")
        self.at = found.end()
        return found[1] == closer

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
