"""CoordJSON out of any text: the right objects, and why others were dropped."""
from __future__ import annotations

import re
from typing import ClassVar, Literal, cast

from mlcore.coordjson.parse import TOKENS, CoordCursor, geometry_shape, read_object
from mlcore.coordjson.scan import Grammar, Part, Salvaged, Scan
from mlcore.coordjson.shape import BLANK, COLON, record_body
from mlcore.coordjson.types import KINDS, CoordObject, FieldOrder, Kind


def parse_salvage(text: str, field_order: FieldOrder = "any") -> Salvaged[CoordObject]:
    """Every object that `parse_strict` would accept alone, whatever stands around it.

    Raises nothing; time and memory grow linearly with the text.
    """
    return Scan(text, CoordGrammar(field_order)).run()


class CoordGrammar(Grammar[CoordObject]):
    """CoordJSON for the scan."""

    anchor: ClassVar[re.Pattern[str]] = re.compile(
        rf'\{{{BLANK}(?=")(?:(?P<record>{record_body(geometry_shape(TOKENS))})'
        rf'|(?P<open>"objects"{COLON}\[)|(?P<start>"(?:desc|{"|".join(KINDS)})"{BLANK}:))'
    )
    container: ClassVar[Literal["list", "map"]] = "list"
    beginnings: ClassVar[tuple[str, ...]] = (
        '{"objects":[', '{"desc":', *(f'{{"{kind}":' for kind in KINDS)
    )
    keys: ClassVar[frozenset[str]] = CoordCursor.keys

    def __init__(self, field_order: FieldOrder) -> None:
        self.field_order = field_order
        self.words: dict[str, str] = {}

    def item(self, found: re.Match[str]) -> tuple[CoordObject, Part] | None:
        flipped = found[3] is None
        if self.field_order == ("desc_first" if flipped else "geometry_first"):
            return None
        inner, kind, tokens = (7, 5, 6) if flipped else (2, 3, 4)
        item = read_object(found[inner], cast("Kind", found[kind]), found[tokens], self.words)
        return (item, (found.start(tokens) - 1, found.end(tokens) + 1)) if item else None

    def cursor(self, text: str, start: int, stop: int) -> CoordCursor:
        return CoordCursor(text, self.field_order, start, stop)
