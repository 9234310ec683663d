"""Objects to CoordJSON text: one line, `", "` and `": "` between, non-ASCII letters as they are."""
from __future__ import annotations

import json
from collections.abc import Iterable

from mlcore.coordjson.errors import CoordJsonError
from mlcore.coordjson.types import CoordObject, FieldOrder, bins_fault, desc_fault

HEAD = '{"objects": ['
TAIL = "]}"


def render(objects: Iterable[CoordObject], field_order: FieldOrder = "desc_first") -> str:
    """The canonical text of objects, which `parse_strict` reads back to the same objects.

    `any` renders the description first. Raises CoordJsonError for an object that the parser would
    refuse; its position is where the object would stand in the text.
    """
    parts: list[str] = []
    length = len(HEAD)
    for item in objects:
        fault = desc_fault(item.desc) or bins_fault(item.kind, item.bins)
        if fault:
            raise CoordJsonError(length, fault.reason, fault.rule)
        parts.append(render_object(item, field_order))
        length += len(parts[-1]) + 2
    return HEAD + ", ".join(parts) + TAIL


def render_object(item: CoordObject, field_order: FieldOrder = "desc_first") -> str:
    """The text of one object, not checked."""
    desc = f'"desc": {json.dumps(item.desc, ensure_ascii=False)}'
    literals = ", ".join(f"<|coord_{value}|>" for value in item.bins)
    geometry = f'"{item.kind}": [{literals}]'
    first, second = (geometry, desc) if field_order == "geometry_first" else (desc, geometry)
    return f"{{{first}, {second}}}"
