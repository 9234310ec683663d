"""Records: one image (or several) with its objects, as they lie in a dataset's JSONL.

A record says in which space its coordinates are, x to the right and y down, origin at the
top-left corner. `pixel`: pixels of the stored image, anywhere in 0..width by 0..height.
`norm1000`: whole bins 0..999 of width and height. `mlcore.contract.spaces` converts between
them. Every check has a rule id, listed in `mlcore.contract.rules`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from mlcore.errors import Problem
from mlcore.geometry.spaces import LAST_BIN

Kind = Literal["bbox_2d", "poly", "line"]
KINDS: tuple[Kind, ...] = ("bbox_2d", "poly", "line")
CoordSpace = Literal["pixel", "norm1000"]
COORD_SPACES: tuple[CoordSpace, ...] = ("pixel", "norm1000")
COORD_SPACE: CoordSpace = "pixel"
"""the space in which everything here draws, augments, imports and trains"""
RECORD_KEYS = frozenset(
    {"id", "images", "width", "height", "coord_space", "objects", "summary", "metadata"}
)
OLDER_KEYS = {
    "quad": "; write it as `poly`, or let `data migrate` do it",
    "polygon": "; write it as `poly`, or let `data migrate` do it",
    "bbox": "; write it as `bbox_2d`, or let `data migrate` do it",
}
OBJECT_KEYS = frozenset({"desc", *KINDS, "poly_points", "line_points"})
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
MIN_VALUES: dict[str, int] = {"bbox_2d": 4, "poly": 8, "line": 4}
"""fewest numbers of each geometry: a polygon has at least 4 points on disk, a line 2"""


@dataclass(frozen=True)
class SceneObject:
    """One described thing. `points` is flat, x1, y1, x2, y2, ..., in its record's space."""

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
    coord_space: CoordSpace
    objects: tuple[SceneObject, ...]
    summary: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """Where the points of a record may lie. Sizes in pixels; 0 where the record's are wrong."""

    space: CoordSpace
    width: int
    height: int

    @property
    def limits(self) -> tuple[int, int]:
        """The largest x and y."""
        return (self.width, self.height) if self.space == "pixel" else (LAST_BIN, LAST_BIN)


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
    if not RECORD_KEYS.issuperset(obj):
        for key in sorted(set(obj) - RECORD_KEYS):
            check.add("record.unknown_key", str(key), f"unknown key {key!r}")
    images = _images(obj.get("images"), check)
    width = _size(obj.get("width"), "width", check)
    height = _size(obj.get("height"), "height", check)
    space = _space(obj.get("coord_space"), check)
    objects = _objects(obj.get("objects"), Frame(space, width, height), check)
    summary = _summary(obj.get("summary"), check)
    metadata = _metadata(obj.get("metadata", {}), check)
    identity = obj.get("id")
    if not isinstance(identity, str) or not identity or not is_one_line(identity):
        check.add("record.id", "id", "must be one non-empty line of text")
    if check.problems:
        return check.problems
    return Record(cast("str", identity), images, width, height, space, objects, summary, metadata)


def is_one_line(text: str) -> bool:
    """True for text without any line break, those of Unicode among them, and without tabs."""
    return _BREAKS.search(text) is None


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
    return value if type(value) is int else int(value) if value.is_integer() else value


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
        elif not _is_inside(path):
            check.add(
                "record.image_path",
                f"images[{i}]",
                f"{path!r} must be relative, inside the dataset",
            )
    return tuple(v for v in value if isinstance(v, str))


def _is_inside(path: str) -> bool:
    return not (
        path.startswith("/")
        or "\\" in path
        or "\0" in path
        or ".." in path.split("/")
        or not is_one_line(path)
    )


def _size(value: object, name: str, check: _Checker) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 65535:
        check.add(
            "record.size", name, f"must be a whole number of pixels in 1..65535, is {value!r}"
        )
        return 0
    return value


def _space(value: object, check: _Checker) -> CoordSpace:
    for space in COORD_SPACES:
        if value == space:
            return space
    known = " or ".join(f"{space!r}" for space in COORD_SPACES)
    check.add("record.coord_space", "coord_space", f"must be {known}, is {value!r}")
    return COORD_SPACE


def _summary(value: object, check: _Checker) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or not is_one_line(value):
        check.add("record.summary", "summary", "must be one non-empty line of text")
        return None
    return value


def _metadata(value: object, check: _Checker) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        check.add("record.metadata", "metadata", f"must be an object, is {_name(value)}")
        return {}
    ticket = value.get("ticket", "-")
    if not isinstance(ticket, str) or not ticket.strip():
        check.add("record.ticket", "metadata.ticket", "must be non-empty text")
    return value


def _objects(value: object, frame: Frame, check: _Checker) -> tuple[SceneObject, ...]:
    if not isinstance(value, list):
        check.add("record.objects", "objects", f"must be a list, is {_name(value)}")
        return ()
    parsed = [_object(item, f"objects[{i}]", frame, check) for i, item in enumerate(value)]
    return tuple(o for o in parsed if o is not None)


def _object(value: object, path: str, frame: Frame, check: _Checker) -> SceneObject | None:
    if not isinstance(value, dict):
        check.add("object.type", path, f"an object is a JSON object, not {_name(value)}")
        return None
    before = len(check.problems)
    if not OBJECT_KEYS.issuperset(value):
        for key in sorted(set(value) - OBJECT_KEYS):
            hint = OLDER_KEYS.get(key, "")
            check.add("object.unknown_key", f"{path}.{key}", f"unknown key {key!r}{hint}")
    desc = value.get("desc")
    if not isinstance(desc, str) or not desc.strip():
        check.add("object.desc", f"{path}.desc", "must be non-empty text")
    elif not is_one_line(desc):
        check.add("object.desc_line", f"{path}.desc", "must be one line without tabs")
    kinds = [kind for kind in KINDS if kind in value]
    if len(kinds) != 1:
        rule = "object.geometry_missing" if not kinds else "object.geometry_multiple"
        check.add(rule, path, f"needs exactly one of {', '.join(KINDS)}; has {len(kinds)}")
        return None
    kind = kinds[0]
    points = _points(value[kind], kind, f"{path}.{kind}", check)
    _point_counts(value, kind, points, path, check)
    if points and frame.width and frame.height:
        for rule, message in geometry_faults(kind, points, frame):
            check.add(rule, f"{path}.{kind}", message)
    if len(check.problems) > before:
        return None
    return SceneObject(cast("str", desc), kind, points)


def _points(value: object, kind: Kind, path: str, check: _Checker) -> tuple[float, ...]:
    if not isinstance(value, list):
        check.add("geometry.type", path, f"must be a flat list of numbers, is {_name(value)}")
        return ()
    suspicious = () if set(map(type, value)) == {int} else value
    for i, number in enumerate(suspicious):
        if isinstance(number, bool) or not isinstance(number, int | float):
            token = isinstance(number, str) and number.startswith("<|coord_")
            hint = "; `data migrate` turns coord tokens into bins" if token else ""
            message = f"must be a number, is {_name(number)}{hint}"
            check.add("geometry.number", f"{path}[{i}]", message)
            return ()
        if isinstance(number, float) and not math.isfinite(number):
            check.add("geometry.number", f"{path}[{i}]", f"must be finite, is {number}")
            return ()
    fewest = MIN_VALUES[kind]
    exact = kind == "bbox_2d" and len(value) != 4
    if exact or len(value) < fewest or len(value) % 2:
        rule = "exactly 4" if kind == "bbox_2d" else f"an even count of at least {fewest}"
        check.add("geometry.count", path, f"needs {rule} numbers, has {len(value)}")
        return ()
    return tuple(value)


def _point_counts(
    value: Mapping[str, object], kind: Kind, points: tuple[float, ...], path: str, check: _Checker
) -> None:
    """`poly_points` and `line_points` belong to their geometry and state its points."""
    for of in ("poly", "line"):
        key = f"{of}_points"
        if key not in value:
            continue
        stated, true = value[key], len(points) // 2
        if of != kind:
            message = f"counts the points of a {of}, the object has a {kind}"
        elif not points or (stated == true and type(stated) is int):
            continue
        else:
            message = f"is {stated!r}, {kind} has {true} points"
        check.add("geometry.point_count", f"{path}.{key}", message)


def geometry_faults(
    kind: Kind, points: Sequence[float], frame: Frame
) -> list[tuple[str, str]]:
    """(rule, message) of whole bins, bounds, corner order and extent of one geometry."""
    if frame.space == "norm1000" and any(type(value) is not int for value in points):
        wrong = next(value for value in points if type(value) is not int)
        return [("geometry.bin", f"is {wrong}, needs whole bins in {frame.space}")]
    faults = []
    xs, ys = points[0::2], points[1::2]
    right, bottom = frame.limits
    if min(xs) < 0 or min(ys) < 0 or max(xs) > right or max(ys) > bottom:
        outside = next(p for p in zip(xs, ys, strict=True) if not _inside(p, right, bottom))
        message = f"the point {list(outside)} lies outside 0..{right} by 0..{bottom}"
        faults.append(("geometry.bounds", message))
    if kind == "bbox_2d":
        if points[0] > points[2] or points[1] > points[3]:
            faults.append(("geometry.order", f"needs x1 < x2 and y1 < y2: {list(points)}"))
        elif points[0] == points[2] or points[1] == points[3]:
            faults.append(("geometry.empty", f"has no area: {list(points)}"))
    elif kind == "poly" and _area(xs, ys) == 0:
        faults.append(("geometry.empty", "has no area"))
    elif kind == "line" and max(xs) == min(xs) and max(ys) == min(ys):
        faults.append(("geometry.empty", "has no length"))
    return faults


def _inside(point: tuple[float, float], right: int, bottom: int) -> bool:
    return 0 <= point[0] <= right and 0 <= point[1] <= bottom


def _area(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Area of a polygon by the shoelace formula, square units."""
    n = len(xs)
    return abs(sum(xs[i] * ys[(i + 1) % n] - xs[(i + 1) % n] * ys[i] for i in range(n))) / 2
