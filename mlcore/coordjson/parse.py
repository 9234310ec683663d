"""CoordJSON text to objects, strictly: a text is right in every detail or it is refused.

    text    = { "objects" : [ objects ] }
    object  = { "desc" : STRING , GEOMETRY : [ COORD , ... ] }     or the geometry first
    COORD   = <|coord_N|>, N = 0..999 without leading zeros, bare

Blanks (JSON's four) may stand between the signs. Refused: anything before or after, a trailing or
doubled comma, an unknown or repeated key, numbers or quoted coordinates, reversed corners.
"""
from __future__ import annotations

import re
from typing import ClassVar

from mlcore.coordjson.cursor import Cursor, Entry, Geometry, shown
from mlcore.coordjson.errors import AnswerError, CoordJsonError
from mlcore.coordjson.types import KINDS, CoordObject, FieldOrder, Kind, bins_fault

_COORD = re.compile(r"<\|coord_(0|[1-9][0-9]{0,2})\|>")


def parse_strict(text: str, field_order: FieldOrder = "desc_first") -> list[CoordObject]:
    """The objects that a model's answer names, in its order.

    `field_order` says which key each object gives first; `any` takes either. Time and memory grow
    linearly with the text. Raises CoordJsonError and nothing else, whatever the text holds.
    """
    return [
        CoordObject(entry.desc, entry.kind, entry.values)
        for entry in CoordCursor(text, field_order).document()
    ]


class CoordCursor(Cursor):
    """A cursor over CoordJSON."""

    error: ClassVar[type[AnswerError]] = CoordJsonError

    def document(self) -> list[Entry]:
        """Read a whole answer."""
        self.expect("{")
        start = self.next()
        key = self.key("the key 'objects'")
        if key != "objects":
            reason = f"the top key must be 'objects', is {shown(key)}"
            self.fail(start, reason, "unexpected_keys")
        self.expect(":")
        self.expect("[")
        entries: list[Entry] = []
        if self.peek() == "]":
            self.at += 1
        else:
            entries.append(self.entry())
            while not self.comma_or("]"):
                entries.append(self.entry())
        if self.peek() == ",":
            self.fail(self.at, "'objects' is the only key allowed at the top", "unexpected_keys")
        self.expect("}")
        self.finish()
        return entries

    def geometry(self, key: str, start: int) -> Geometry | None:
        for kind in KINDS:
            if key == kind:
                self.expect(":")
                return kind, self._bins(kind)
        return None

    def _bins(self, kind: Kind) -> tuple[int, ...]:
        start = self.next()
        self.expect("[", "non_coord_token")
        bins: list[int] = []
        if self.peek() == "]":
            self.at += 1
        else:
            bins.append(self._coord())
            while not self.comma_or("]"):
                bins.append(self._coord())
        self.check(bins_fault(kind, bins), start)
        return tuple(bins)

    def _coord(self) -> int:
        found = _COORD.match(self.text, self.next(), self.stop)
        if found is None:
            self.end_check()
            reason = f"expected a coordinate token of 0..999, found {self.found()}"
            self.fail(self.at, reason, "non_coord_token")
        self.at = found.end()
        return int(found[1])
