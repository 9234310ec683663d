"""Older JSONL forms into the contract: what can be told is changed and counted, the rest rejected.

`quad` and `polygon` become `poly`, `bbox` becomes `bbox_2d`, coord tokens become bins, polygons
lose a repeated closing point and triangles gain the middle of their longest edge, missing ids and
sizes are filled in, image paths become relative to the image root. Migrating the result again
changes nothing.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from mlcore.contract.pictures import Fault, header_of
from mlcore.contract.problem_log import reject_row
from mlcore.contract.reader import SHOWN_TEXT, iter_values, values_in
from mlcore.contract.records import CoordSpace, Record, Where, parse_record, record_line
from mlcore.coordjson.parse import bin_of_token
from mlcore.errors import ConfigError, DataError, Problem
from mlcore.run.aside import written_aside

OLD_KEYS = {"quad": "poly", "polygon": "poly", "bbox": "bbox_2d"}
GEOMETRIES = ("bbox_2d", "poly", "line")
PATH_CHANGE = "image paths made relative"
SIZE_CHANGE = "sizes read from files"


@dataclass
class Migration:
    """Lines seen and kept, what was changed how often, and what was rejected, by rule."""

    lines: int = 0
    kept: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def reject_share(self) -> float:
        """Share of the lines that were rejected; all of none is all."""
        return (self.lines - self.kept) / self.lines if self.lines else 1.0

    def to_json(self) -> dict[str, Any]:
        """Counts as plain data."""
        return {
            "lines": self.lines,
            "kept": self.kept,
            "rejected": self.lines - self.kept,
            "changes": dict(sorted(self.changes.items())),
            "by_rule": dict(sorted(self.rejected.items())),
        }

    def count(self, line: MigratedLine) -> None:
        """Add a line."""
        self.lines += 1
        if line.record is not None:
            self.kept += 1
            self.changes.update(line.changes)
        self.rejected.update({problem.rule for problem in line.problems})


@dataclass(frozen=True)
class MigratedLine:
    """One line, counted from 1: the record that it became, or why it cannot become one.

    `changes` says what was changed how often on the way, also where the line was rejected.
    """

    number: int
    text: str
    record: Record | None
    changes: Counter[str]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class MigrateOptions:
    """`space` is that of records which name none and hold numbers; None refuses them.

    Without an image root no file is looked at: paths and sizes must be in the lines.
    """

    image_root: Path | None
    space: CoordSpace | None = None


def migrate_file(source: Path, out: Path, options: MigrateOptions) -> Migration:
    """Write `out` and, beside it, `out.rejects.jsonl`. Image paths are then below the image root.

    Both appear whole at the end, or not at all. Raises ConfigError where `out` exists, DataError
    where the source cannot be read, InfrastructureError where nothing can be written.
    """
    if out.exists():
        raise ConfigError(f"{out} exists", hint="Nothing is written in place; give another file.")
    if not source.is_file():
        raise DataError(f"cannot read {source}: no such file", where=str(source))
    done = Migration()
    rejects = out.with_name(f"{out.name}.rejects.jsonl")
    with written_aside(rejects, out) as (bad, good):
        for line in _lines(iter_values(source), source.name, options):
            done.count(line)
            if line.record is not None:
                good.write(record_line(line.record) + "\n")
            for problem in line.problems:
                bad.write(_row(problem, line.text))
    return done


def migrated_lines(file: BinaryIO, name: str, options: MigrateOptions) -> Iterator[MigratedLine]:
    """Every line of an open file in its order; problems call the file `name`, and so do new ids."""
    return _lines(values_in(file, name), name, options)


def _lines(
    values: Iterable[tuple[int, str, object]], name: str, options: MigrateOptions
) -> Iterator[MigratedLine]:
    for number, text, value in values:
        changes: Counter[str] = Counter()
        if isinstance(value, tuple):
            yield MigratedLine(number, text, None, changes, value)
            continue
        changed = _record(value, f"{Path(name).stem}-{number:06d}", options, changes)
        parsed = parse_record(changed, Where(name, number))
        if isinstance(parsed, Record):
            yield MigratedLine(number, text, parsed, +changes, ())
        else:
            yield MigratedLine(number, text, None, +changes, tuple(parsed))


def _row(problem: Problem, text: str) -> str:
    return json.dumps(reject_row(problem, text[:SHOWN_TEXT]), ensure_ascii=False) + "\n"


def _record(
    value: object, identity: str, options: MigrateOptions, changes: Counter[str]
) -> object:
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = dict(value)
    if "id" not in out:
        out["id"] = identity
        changes["ids given"] += 1
    _images(out, options, changes)
    objects = out.get("objects")
    tokens = False
    if isinstance(objects, list):
        made = [_object(item, changes) for item in objects]
        out["objects"] = [item for item, _ in made]
        tokens = any(token for _, token in made)
    if "coord_space" not in out and (tokens or options.space):
        out["coord_space"] = "norm1000" if tokens else options.space
        changes["coord_space given"] += 1
    return out


def _images(out: dict[str, Any], options: MigrateOptions, changes: Counter[str]) -> None:
    images = out.get("images")
    if not isinstance(images, list) or not all(isinstance(path, str) for path in images):
        return
    made = [_relative(path, options.image_root) for path in images]
    changes[PATH_CHANGE] += sum(a != b for a, b in zip(images, made, strict=True))
    out["images"] = made
    unknown = [key for key in ("width", "height") if out.get(key) is None]
    if made and unknown and options.image_root is not None:
        header = header_of(options.image_root, made[0])
        if not isinstance(header, Fault) and header.orientation == 1:
            sizes = {"width": header.width, "height": header.height}
            out.update({key: sizes[key] for key in unknown})
            changes[SIZE_CHANGE] += 1


def _relative(path: str, root: Path | None) -> str:
    """An image path as it is below the root, where it lies there."""
    if root is not None and path.startswith("/"):
        full, inside = Path(path).resolve(), root.resolve()
        return full.relative_to(inside).as_posix() if full.is_relative_to(inside) else path
    return path.removeprefix("./")


def _object(value: object, changes: Counter[str]) -> tuple[object, bool]:
    """The object in the contract's keys, and whether it held coord tokens."""
    if not isinstance(value, dict):
        return value, False
    out: dict[str, Any] = dict(value)
    for old, new in OLD_KEYS.items():
        if old in out and new not in out:
            out[new] = out.pop(old)
            changes[f"{old} to {new}"] += 1
    tokens = False
    for kind in GEOMETRIES:
        numbers = _flat(out.get(kind))
        if numbers is None:
            continue
        bins: list[Any] = [_bin(number) for number in numbers]
        if bins and None not in bins:
            numbers, tokens = bins, True
            changes["coord tokens to bins"] += 1
        if kind == "poly" and all(_is_number(number) for number in numbers):
            numbers = _polygon(numbers, changes)
        if numbers != out[kind]:
            out[kind] = numbers
            key = f"{kind}_points"
            if key in out:
                out[key] = len(numbers) // 2
    return out, tokens


def _flat(value: object) -> list[Any] | None:
    """Points nested in pairs, [[x, y], ...], as one flat list."""
    if not isinstance(value, list):
        return None
    if value and all(isinstance(point, list) and len(point) == 2 for point in value):
        return [number for point in value for number in point]
    return list(value)


def _bin(value: object) -> int | None:
    return bin_of_token(value) if isinstance(value, str) else None


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float)


def _polygon(numbers: Sequence[float], changes: Counter[str]) -> list[float]:
    """Without a repeated closing point; a triangle with the middle of its longest edge."""
    if len(numbers) % 2:
        return list(numbers)
    points = list(zip(numbers[0::2], numbers[1::2], strict=True))
    if len(points) > 3 and points[0] == points[-1]:
        points.pop()
        changes["closing points dropped"] += 1
    if len(points) == 3:
        edges = [math.dist(points[i], points[(i + 1) % 3]) for i in range(3)]
        at = edges.index(max(edges))
        (x0, y0), (x1, y1) = points[at], points[(at + 1) % 3]
        whole = all(type(v) is int for v in (x0, y0, x1, y1))
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        points.insert(at + 1, (math.floor(x), math.floor(y)) if whole else (x, y))
        changes["triangles padded"] += 1
    return [number for point in points for number in point]
