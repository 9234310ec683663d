"""The object_N JSON: answers in plain JSON, with whole numbers instead of coordinate tokens."""
from __future__ import annotations

from mlcore.objectjson.errors import ObjectJsonError
from mlcore.objectjson.parse import parse_strict
from mlcore.objectjson.render import render
from mlcore.objectjson.salvage import parse_salvage
from mlcore.objectjson.scale import EmitNorm, PlainObject, Scale

__all__ = [
    "EmitNorm", "ObjectJsonError", "PlainObject", "Scale", "parse_salvage", "parse_strict",
    "render",
]
