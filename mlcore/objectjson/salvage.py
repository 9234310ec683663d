"""object_N JSON out of any text: the right objects, and why others were dropped."""
from __future__ import annotations

import json
import re
from typing import ClassVar, Literal, cast

from mlcore.coordjson.scan import Grammar, Part, Salvaged, Scan
from mlcore.coordjson.shape import BLANK, COLON
from mlcore.coordjson.types import FieldOrder, Kind
from mlcore.objectjson.parse import BODY, ObjectCursor, ObjectReader
from mlcore.objectjson.scale import PlainObject, Scale


def parse_salvage(
    text: str, scale: Scale, field_order: FieldOrder = "any"
) -> Salvaged[PlainObject]:
    """Every object that `parse_strict` would accept as object_1, whatever stands around it.

    Raises nothing; time and memory grow linearly with the text.
    """
    return Scan(text, ObjectGrammar(scale, field_order)).run()


class ObjectGrammar(Grammar[PlainObject]):
    """object_N JSON for the scan."""

    anchor: ClassVar[re.Pattern[str]] = re.compile(
        rf'\{{{BLANK}(?=")(?:(?P<record>{BODY})|(?P<open>"object_[0-9]++"{COLON})'
        rf'|(?P<start>"(?:{"|".join(sorted(ObjectCursor.keys))})"{BLANK}:))'
    )
    container: ClassVar[Literal["list", "map"]] = "map"
    beginnings: ClassVar[tuple[str, ...]] = (
        '{"object_":', *(f'{{"{key}":' for key in sorted(ObjectCursor.keys))
    )
    keys: ClassVar[frozenset[str]] = ObjectCursor.keys

    def __init__(self, scale: Scale, field_order: FieldOrder) -> None:
        self.scale = scale
        self.field_order = field_order
        self.reader = ObjectReader(scale)

    def item(self, found: re.Match[str]) -> tuple[PlainObject, Part] | None:
        flipped = found[4] is None
        if self.field_order == ("desc_first" if flipped else "geometry_first"):
            return None
        inner, count, kind, values = (9, 6, 7, 8) if flipped else (2, 3, 4, 5)
        item = self.reader.read(
            found[inner],
            found[count] or "",
            cast("Kind", found[kind]),
            json.loads(found[values]),
        )
        return (item, found.span(values)) if item else None

    def cursor(self, text: str, start: int, stop: int) -> ObjectCursor:
        return ObjectCursor(text, self.scale, self.field_order, start, stop)
