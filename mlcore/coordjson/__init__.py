"""CoordJSON: the text in which a model says what it sees. Nothing else parses model output."""
from __future__ import annotations

from mlcore.coordjson.errors import CoordJsonError
from mlcore.coordjson.parse import parse_strict
from mlcore.coordjson.render import render
from mlcore.coordjson.types import FIELD_ORDERS, CoordObject, FieldOrder, Kind

__all__ = [
    "FIELD_ORDERS", "CoordJsonError", "CoordObject", "FieldOrder", "Kind", "parse_strict", "render",
]
