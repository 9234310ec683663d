"""Objects to object_N JSON: one line, `", "` and `": "` between, non-ASCII letters as they are."""
from __future__ import annotations

import json
from collections.abc import Iterable

from mlcore.coordjson.types import FieldOrder, desc_fault
from mlcore.objectjson.errors import ObjectJsonError
from mlcore.objectjson.scale import PlainObject, Scale, numbers_fault


def render(
    objects: Iterable[PlainObject], scale: Scale, field_order: FieldOrder = "desc_first"
) -> str:
    """The canonical text of objects, which `parse_strict` reads back to the same objects.

    `any` renders the description first. Raises ObjectJsonError for an object that the parser
    would refuse; its position is where the object would stand in the text.
    """
    parts: list[str] = []
    length = 1
    for number, item in enumerate(objects, start=1):
        fault = desc_fault(item.desc) or numbers_fault(item.kind, item.numbers, scale)
        if fault:
            raise ObjectJsonError(length, fault.reason, fault.rule)
        parts.append(f'"object_{number}": {render_object(item, field_order)}')
        length += len(parts[-1]) + 2
    return "{" + ", ".join(parts) + "}"


def render_object(item: PlainObject, field_order: FieldOrder = "desc_first") -> str:
    """The text of one object without its key, not checked."""
    desc = f'"desc": {json.dumps(item.desc, ensure_ascii=False)}'
    if item.kind == "bbox_2d":
        geometry = f'"bbox_2d": {list(item.numbers)}'
    else:
        points = [list(item.numbers[i : i + 2]) for i in range(0, len(item.numbers), 2)]
        count = f'"line_points": {len(points)}, ' if item.kind == "line" else ""
        geometry = f'{count}"{item.kind}": {points}'
    first, second = (geometry, desc) if field_order == "geometry_first" else (desc, geometry)
    return f"{{{first}, {second}}}"
