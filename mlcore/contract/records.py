"""Records: one image (or several) with its objects, as they lie in a dataset's JSONL.

Coordinates are pixels of the stored image, x to the right and y down, origin at the top-left
corner; a point may lie anywhere in 0..width by 0..height. Every check has a rule id, listed in
`mlcore.contract.rules`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from mlcore.errors import Problem

Kind = Literal["bbox_2d", "poly", "line"]
KINDS: tuple[Kind, ...] = ("bbox_2d", "poly", "line")
COORD_SPACE = "pixel"
RECORD_KEYS = frozenset(
    {"id", "images", "width", "height", "coord_space", "objects", "summary", "metadata"}
)
OBJECT_KEYS = frozenset({"desc", *KINDS, "poly_points", "line_points"})
MIN_VALUES: dict[str, int] = {"bbox_2d": 4, "poly": 8, "line": 4}
"""fewest numbers of each geometry: a polygon has at least 4 points on disk, a line 2"""


@dataclass(frozen=True)
class SceneObject:
    """One described thing. `points` is flat: x1, y1, x2, y2, ... in pixels."""

    desc: str
    kind: Kind
    points: tuple[float, ...]


@dataclass(frozen=True)
class Record:
    """One line of a dataset. `images` are relative to the dataset folder; sizes in pixels."""

    id: str
    images: tuple[str, ...]
    width: int
    height: int
    coord_space: str
    objects: tuple[SceneObject, ...]
    summary: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Where:
    """Where a record was read, for problems. Lines count from 1."""

    file: str
    line: int


class _Checker:
    """Collects the problems of one record."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def add(self, rule: str, path: str, message: str) -> None:
        self.problems.append(Problem(self.where.file, self.where.line, 0, path, message, rule))


def parse_record(obj: object, where: Where) -> Record | list[Problem]:
    """The record that a decoded JSON value means, or every problem with it."""
    check = _Checker(where)
    if not isinstance(obj, dict):
        check.add("record.type", "", f"a record is a JSON object, not {_name(obj)}")
        return check.problems
    for key in sorted(set(obj) - RECORD_KEYS):
        check.add("record.unknown_key", str(key), f"unknown key {key!r}")
    images = _images(obj.get("images"), check)
    width = _size(obj.get("width"), "width", check)
    height = _size(obj.get("height"), "height", check)
    space = obj.get("coord_space")
    if space != COORD_SPACE:
        check.add("record.coord_space", "coord_space", f"must be {COORD_SPACE!r}, is {space!r}")
    objects = _objects(obj.get("objects"), width, height, check)
    summary = _summary(obj.get("summary"), check)
    metadata = obj.get("metadata", {})
    if not isinstance(metadata, dict):
        check.add("record.metadata", "metadata", f"must be an object, is {_name(metadata)}")
    identity = obj.get("id")
    if not isinstance(identity, str) or not identity:
        check.add("record.id", "id", "must be a non-empty string")
    if check.problems:
        return check.problems
    return Record(
        cast("str", identity), images, width, height, COORD_SPACE, objects, summary, metadata
    )


def record_to_json(record: Record) -> dict[str, Any]:
    """The JSON object of a record; whole numbers are written as integers."""
    out: dict[str, Any] = {
        "id": record.id,
        "images": list(record.images),
        "width": record.width,
        "height": record.height,
        "coord_space": record.coord_space,
        "objects": [object_to_json(o) for o in record.objects],
    }
    if record.summary is not None:
        out["summary"] = record.summary
    if record.metadata:
        out["metadata"] = dict(record.metadata)
    return out


def object_to_json(obj: SceneObject) -> dict[str, Any]:
    """`{"desc": ..., kind: [numbers]}`."""
    return {"desc": obj.desc, obj.kind: [_number(v) for v in obj.points]}


def record_line(record: Record) -> str:
    """The canonical line of a record, without its newline."""
    return json.dumps(
        record_to_json(record), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _name(value: object) -> str:
    names = {
        type(None): "null",
        bool: "true or false",
        str: "text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "a number")


def _images(value: object, check: _Checker) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        check.add("record.images", "images", "must be a non-empty list of paths")
        return ()
    for i, path in enumerate(value):
        if not isinstance(path, str) or not path:
            check.add("record.images", f"images[{i}]", "must be a non-empty path")
        elif path.startswith("/") or "\\" in path or ".." in path.split("/"):
            check.add(
                "record.image_path",
                f"images[{i}]",
                f"{path!r} must be relative, inside the dataset",
            )
    return tuple(v for v in value if isinstance(v, str))


def _size(value: object, name: str, check: _Checker) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 65535:
        check.add(
            "record.size", name, f"must be a whole number of pixels in 1..65535, is {value!r}"
        )
        return 0
    return value


def _summary(value: object, check: _Checker) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value or "\n" in value:
        check.add("record.summary", "summary", "must be one non-empty line of text")
        return None
    return value


def _objects(value: object, width: int, height: int, check: _Checker) -> tuple[SceneObject, ...]:
    if not isinstance(value, list):
        check.add("record.objects", "objects", f"must be a list, is {_name(value)}")
        return ()
    parsed = [_object(item, f"objects[{i}]", width, height, check) for i, item in enumerate(value)]
    return tuple(o for o in parsed if o is not None)


def _object(
    value: object, path: str, width: int, height: int, check: _Checker
) -> SceneObject | None:
    if not isinstance(value, dict):
        check.add("object.type", path, f"an object is a JSON object, not {_name(value)}")
        return None
    before = len(check.problems)
    for key in sorted(set(value) - OBJECT_KEYS):
        hint = "; write it as `poly`" if key == "quad" else ""
        check.add("object.unknown_key", f"{path}.{key}", f"unknown key {key!r}{hint}")
    desc = value.get("desc")
    if not isinstance(desc, str) or not desc.strip():
        check.add("object.desc", f"{path}.desc", "must be non-empty text")
    elif "\n" in desc:
        check.add("object.desc", f"{path}.desc", "must be one line")
    kinds = [kind for kind in KINDS if kind in value]
    if len(kinds) != 1:
        rule = "object.geometry_missing" if not kinds else "object.geometry_multiple"
        check.add(rule, path, f"needs exactly one of {', '.join(KINDS)}; has {len(kinds)}")
        return None
    kind = kinds[0]
    points = _points(value[kind], kind, f"{path}.{kind}", check)
    _point_count(value, kind, points, path, check)
    if points and width and height:
        check_geometry(kind, points, width, height, f"{path}.{kind}", check)
    if len(check.problems) > before:
        return None
    return SceneObject(cast("str", desc), kind, points)


def _points(value: object, kind: Kind, path: str, check: _Checker) -> tuple[float, ...]:
    if not isinstance(value, list):
        check.add("geometry.type", path, f"must be a flat list of numbers, is {_name(value)}")
        return ()
    for i, number in enumerate(value):
        if isinstance(number, bool) or not isinstance(number, int | float):
            check.add("geometry.number", f"{path}[{i}]", f"must be a number, is {_name(number)}")
            return ()
        if not math.isfinite(number):
            check.add("geometry.number", f"{path}[{i}]", f"must be finite, is {number}")
            return ()
    fewest = MIN_VALUES[kind]
    exact = kind == "bbox_2d" and len(value) != 4
    if exact or len(value) < fewest or len(value) % 2:
        rule = "exactly 4" if kind == "bbox_2d" else f"an even count of at least {fewest}"
        check.add("geometry.count", path, f"needs {rule} numbers, has {len(value)}")
        return ()
    return tuple(value)


def _point_count(
    value: Mapping[str, object], kind: Kind, points: tuple[float, ...], path: str, check: _Checker
) -> None:
    key = f"{kind}_points"
    if points and key in value and value[key] != len(points) // 2:
        check.add(
            "geometry.point_count",
            f"{path}.{key}",
            f"is {value[key]!r}, {kind} has {len(points) // 2} points",
        )


def check_geometry(
    kind: Kind, points: Sequence[float], width: int, height: int, path: str, check: _Checker
) -> None:
    """Bounds, corner order and extent of one geometry inside a width x height image."""
    xs, ys = points[0::2], points[1::2]
    if min(xs) < 0 or min(ys) < 0 or max(xs) > width or max(ys) > height:
        check.add(
            "geometry.bounds", path, f"lies outside the image of {width} x {height}: {list(points)}"
        )
    if kind == "bbox_2d":
        if points[0] > points[2] or points[1] > points[3]:
            check.add("geometry.order", path, f"needs x1 < x2 and y1 < y2: {list(points)}")
        elif points[0] == points[2] or points[1] == points[3]:
            check.add("geometry.empty", path, f"has no area: {list(points)}")
    elif kind == "poly" and _area(xs, ys) == 0:
        check.add("geometry.empty", path, f"has no area: {list(points)}")
    elif kind == "line" and max(xs) == min(xs) and max(ys) == min(ys):
        check.add("geometry.empty", path, f"has no length: {list(points)}")


def _area(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Area of a polygon by the shoelace formula, square pixels."""
    n = len(xs)
    return abs(sum(xs[i] * ys[(i + 1) % n] - xs[(i + 1) % n] * ys[i] for i in range(n))) / 2
