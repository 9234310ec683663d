"""What was read, as plain data; and plain data back to what is to be written.

    {"records": [{"desc": TEXT, "bbox_2d" | "poly" | "line": [NUMBERS, flat]}],
     "dropped": {RULE: N}, "truncated": BOOL}

With spans a record also has `index`, `span` and `geometry_span`, and the report `drops` (`rule` and
`span` of each), `objects_array_open_cut` and `record_end_cuts`. Places count characters from 0.
"""
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from mlcore.coordjson.scan import Kept, Salvaged
from mlcore.coordjson.types import KINDS, Kind
from mlcore.errors import DataError

_PLACES = frozenset({"index", "span", "geometry_span"})
MOST_DIGITS = 6


class Flat(NamedTuple):
    """An object of either grammar."""

    desc: str
    kind: Kind
    numbers: tuple[int, ...]


def report(found: Salvaged[Any]) -> dict[str, Any]:
    """The records and counts of what was read."""
    return {
        "records": [plain(item) for item in found.items],
        "dropped": found.dropped,
        "truncated": found.truncated,
    }


def report_with_spans(found: Salvaged[Any]) -> dict[str, Any]:
    """The same with every place."""
    return report(found) | {
        "records": [_with_places(record) for record in found.records],
        "drops": [{"rule": rule, "span": list(span)} for rule, span in found.drops],
        "objects_array_open_cut": found.objects_array_open_cut,
        "record_end_cuts": list(found.record_end_cuts),
    }


def plain(item: tuple[str, Kind, Sequence[float]]) -> dict[str, Any]:
    """`{"desc": ..., kind: [numbers]}`."""
    desc, kind, numbers = item
    return {"desc": desc, kind: list(numbers)}


def _with_places(record: Kept[Any]) -> dict[str, Any]:
    return plain(record.item) | {
        "index": record.index,
        "span": list(record.span),
        "geometry_span": list(record.geometry_span),
    }


def objects_of_text(text: str) -> list[Flat]:
    """The objects of a report in JSON. Raises DataError for what is not one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}") from error
    return objects_of(value)


def objects_of(value: Any) -> list[Flat]:
    """The objects of a report, or of a list of its records.

    Only the shape is checked; what the grammar asks of descriptions and numbers is checked where
    they are written. Raises DataError naming `records[i]` for what has not this shape.
    """
    records = value.get("records") if isinstance(value, dict) else value
    if not isinstance(records, list):
        raise DataError("must be an object with a list of `records`", where="records")
    return [_object(row, f"records[{index}]") for index, row in enumerate(records)]


def _object(row: Any, where: str) -> Flat:
    if not isinstance(row, dict):
        raise DataError(f"{where}: a record is an object", where=where)
    desc = row.get("desc")
    if not isinstance(desc, str):
        raise DataError(f"{where}.desc: must be text", where=f"{where}.desc")
    kinds = [kind for kind in KINDS if kind in row]
    if len(kinds) != 1:
        raise DataError(f"{where}: needs exactly one of {', '.join(KINDS)}", where=where)
    for key in sorted(set(row) - {"desc", kinds[0]} - _PLACES):
        raise DataError(f"{where}.{key}: unknown key", where=f"{where}.{key}")
    where = f"{where}.{kinds[0]}"
    numbers = row[kinds[0]]
    if not isinstance(numbers, list) or any(type(number) is not int for number in numbers):
        raise DataError(f"{where}: must be a flat list of whole numbers", where=where)
    if any(abs(number) >= 10**MOST_DIGITS for number in numbers):
        raise DataError(f"{where}: has a number of more than {MOST_DIGITS} digits", where=where)
    return Flat(desc, kinds[0], tuple(numbers))
