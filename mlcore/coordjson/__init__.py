"""CoordJSON: the text in which a model says what it sees. With `mlcore.objectjson`, the one door
through which model output is read; `mlcore.coordjson.format` chooses between the two."""
from __future__ import annotations

from mlcore.coordjson.errors import AnswerError, CoordJsonError
from mlcore.coordjson.parse import parse_strict
from mlcore.coordjson.render import render
from mlcore.coordjson.salvage import parse_salvage
from mlcore.coordjson.scan import Salvaged
from mlcore.coordjson.types import FIELD_ORDERS, CoordObject, FieldOrder, Kind

__all__ = [
    "FIELD_ORDERS", "AnswerError", "CoordJsonError", "CoordObject", "FieldOrder", "Kind",
    "Salvaged", "parse_salvage", "parse_strict", "render",
]
