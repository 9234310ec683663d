"""Label Studio's JSON export: rectangles, polygons and vectors in percent of the picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mlcore.contract.import_config import ImportConfig, LabelStudioFormat
from mlcore.contract.importers.files import find_picture, inside, read_json
from mlcore.contract.importers.labels import join_desc
from mlcore.contract.importers.shapes import polygon, turned_box
from mlcore.contract.importers.source import Annotation, Item, Source, record_names
from mlcore.contract.pictures import Fault
from mlcore.contract.records import Kind
from mlcore.contract.transform import Points
from mlcore.errors import DataError

UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
"""what Label Studio puts before the name of an uploaded file"""
LABEL_KEYS = ("labels", "rectanglelabels", "polygonlabels", "vectorlabels")
SHAPES = {"rectangle": "rectangle", "rectanglelabels": "rectangle"} | {
    "polygon": "polygon",
    "polygonlabels": "polygon",
    "vector": "vector",
    "vectorlabels": "vector",
}
OTHER_SHAPES = frozenset(
    {"brush", "keypoint", "ellipse", "bitmask"}
    | {f"{name}labels" for name in ("brush", "keypoint", "ellipse", "bitmask")}
)
Made = tuple[Kind, Points] | Fault


def open_label_studio(folder: Path, config: ImportConfig, options: LabelStudioFormat) -> Source:
    """The tasks of a JSON export, each with the one annotation that counts.

    Pictures are looked for by the path that the task gives, then by its last part, without the
    prefix of uploads; an address is never opened. Raises DataError when there is no export, it is
    JSON-MIN, or several files could be one.
    """
    path = _export(folder, options.file)
    tasks = read_json(path, folder)
    shown = path.relative_to(folder).as_posix()
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError(f"{shown} is no list of tasks", where=str(path))
    if tasks and not any("annotations" in task for task in tasks):
        raise DataError(
            f"{shown} has no `annotations` in its tasks",
            hint="Export as JSON; JSON-MIN leaves out what is needed.",
            where=str(path),
        )
    reader = _Reader(folder, shown, options)
    found = [reader.task(task, place) for place, task in enumerate(tasks)]
    names = record_names([item.image or item.name for item in found])
    items = tuple(replace(item, name=name) for item, name in zip(found, names, strict=True))
    return Source(folder, items, changed=reader.changed)


def _export(folder: Path, wanted: str) -> Path:
    if wanted:
        return inside(folder, wanted)
    found = sorted(folder.glob("*.json"))
    if len(found) != 1:
        raise DataError(
            f"{folder} has {len(found)} JSON files",
            hint="Name the export in the config: format.file.",
            where=str(folder),
        )
    return found[0]


class _Reader:
    def __init__(self, root: Path, file: str, options: LabelStudioFormat) -> None:
        self.root = root
        self.file = file
        self.options = options
        self.changed: Counter[str] = Counter()

    def task(self, task: Mapping[str, Any], place: int) -> Item:
        """One picture. Its name here is what the task calls it."""
        path = f"[{place}]"
        reference = self._reference(task)
        picture = self._picture(reference)
        fault = None if picture else Fault("source.image", f"{reference!r} is in no folder")
        chosen = self._chosen(task)
        if isinstance(chosen, Fault):
            return Item(reference, picture, self.file, path=path, fault=fault or chosen)
        number, results = chosen
        regions = _regions(results)
        inner = f"{path}.annotations[{number}].result"
        objects = [self._object(rows, f"{inner}[{first}]") for first, rows in regions]
        sizes = {_size(row) for _, rows in regions for row in rows if "original_width" in row}
        if len(sizes) > 1:
            fault = fault or Fault("source.size", f"its regions state {len(sizes)} sizes")
        size = sizes.pop() if sizes else None
        metadata = {"choices": found} if (found := _choices(results)) else {}
        return Item(
            reference,
            picture,
            self.file,
            tuple(objects),
            size,
            path=path,
            fault=fault,
            metadata=metadata,
        )

    def _reference(self, task: Mapping[str, Any]) -> str:
        data = task.get("data")
        rows = data if isinstance(data, dict) else {}
        wanted = self.options.key
        values = [rows.get(wanted)] if wanted else [rows.get("image"), *rows.values()]
        return next((v for v in values if isinstance(v, str) and v), "")

    def _picture(self, reference: str) -> str | None:
        folders = (
            [inside(self.root, self.options.images)]
            if self.options.images
            else [self.root, self.root / "images", self.root / "upload", self.root / "media"]
        )
        parts = urlsplit(reference)
        local = parse_qs(parts.query).get("d", [""])[0]
        path = PurePosixPath(unquote(local or parts.path).lstrip("/"))
        tries = [str(path), path.name, UPLOAD_PREFIX.sub("", path.name)]
        found = (find_picture(self.root, folders, name) for name in tries)
        return next((one for one in found if one), None)

    def _chosen(self, task: Mapping[str, Any]) -> tuple[int, Sequence[Any]] | Fault:
        """Place and regions of the annotation that counts, cancelled ones left aside."""
        rows = task.get("annotations")
        done = [
            (place, row["result"])
            for place, row in enumerate(rows if isinstance(rows, list) else [])
            if isinstance(row, dict)
            and isinstance(row.get("result"), list)
            and not row.get("was_cancelled")
        ]
        if not done:
            return Fault("source.annotation", "the task has no finished annotation")
        if len(done) > 1 and self.options.several == "reject":
            message = f"the task has {len(done)} annotations; set format.several"
            return Fault("label_studio.several", message)
        return done[-1 if self.options.several == "last" else 0]

    def _object(self, rows: Sequence[Mapping[str, Any]], path: str) -> Annotation:
        """One region: a shape, and what other results with the same id say of it."""
        shape = next((r for r in rows if r["type"] in SHAPES or r["type"] in OTHER_SHAPES), rows[0])
        labels, attributes = _labels(rows)
        fault = None
        if len(labels) != 1:
            fault = Fault("source.label", f"a region has {len(labels)} labels: {labels}")
        elif shape["type"] not in SHAPES:
            fault = Fault("label_studio.shape", f"a {shape['type']} has no outline")
        elif shape.get("image_rotation"):
            fault = Fault("label_studio.rotation", "the picture was turned while it was labelled")
        desc = join_desc(labels[0], attributes) if labels else ""
        made = fault or _geometry(shape, self.changed)
        if isinstance(made, Fault):
            return Annotation(desc, "bbox_2d", (), path=path, fault=made)
        return Annotation(desc, *made, path=path)


def _regions(results: Sequence[Any]) -> list[tuple[int, list[Mapping[str, Any]]]]:
    """Results with one id together, with the place of the first; those without a shape left out."""
    by_id: dict[str, tuple[int, list[Mapping[str, Any]]]] = {}
    for place, row in enumerate(results):
        if isinstance(row, dict) and isinstance(row.get("type"), str):
            key = str(row.get("id") or f"place {place}")
            by_id.setdefault(key, (place, []))[1].append(row)
    drawn = SHAPES.keys() | OTHER_SHAPES
    return [entry for entry in by_id.values() if any(row["type"] in drawn for row in entry[1])]


def _choices(results: Sequence[Any]) -> dict[str, list[str]]:
    """What is said of the whole picture: choices by their name."""
    shapes = {row.get("id") for _, rows in _regions(results) for row in rows}
    return {
        str(row.get("from_name", "choices")): [str(v) for v in row["value"].get("choices", [])]
        for row in results
        if isinstance(row, dict)
        and row.get("type") == "choices"
        and isinstance(row.get("value"), dict)
        and row.get("id") not in shapes
    }


def _labels(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    labels: dict[str, None] = {}
    attributes: dict[str, Any] = {}
    for row in rows:
        value = row.get("value")
        values = value if isinstance(value, dict) else {}
        for key in LABEL_KEYS:
            found = values.get(key)
            labels |= dict.fromkeys(str(v) for v in found if v) if isinstance(found, list) else {}
        name = str(row.get("from_name", ""))
        if row["type"] == "choices":
            attributes[name] = values.get("choices")
        elif row["type"] == "textarea":
            text = values.get("text")
            attributes[name] = " ".join(map(str, text)) if isinstance(text, list) else text
    return list(labels), attributes


def _geometry(row: Mapping[str, Any], changed: Counter[str]) -> Made:
    value = row.get("value")
    width, height = _size(row)
    if not isinstance(value, dict) or not width or not height:
        return Fault("source.size", "a region needs original_width and original_height")
    if SHAPES[row["type"]] == "rectangle":
        return _rectangle(value, width, height)
    if SHAPES[row["type"]] == "polygon":
        points = value.get("points")
        pairs = points if isinstance(points, list) else []
        closed = value.get("closed", True)
    else:
        rows = value.get("vertices")
        nodes = [n for n in rows if isinstance(n, dict)] if isinstance(rows, list) else []
        if any(node.get("isBezier") for node in nodes):
            return Fault("label_studio.shape", "a curve is not an outline of points")
        pairs = [[node.get("x"), node.get("y")] for node in nodes]
        closed = value.get("closed", False)
    flat = [v for pair in pairs if isinstance(pair, list) and len(pair) == 2 for v in pair]
    if not flat or len(flat) != 2 * len(pairs) or not all(map(_is_number, flat)):
        return Fault("source.geometry", "its points are not pairs of numbers")
    points_px = tuple(round(v / 100 * (width, height)[i % 2], 2) for i, v in enumerate(flat))
    return ("poly", polygon(points_px, changed)) if closed else ("line", points_px)


def _rectangle(value: Mapping[str, Any], width: int, height: int) -> Made:
    """Turned clockwise about the top-left corner, in percent of each side."""
    numbers = [value.get(key) for key in ("x", "y", "width", "height")]
    turn = value.get("rotation") or 0
    if not all(map(_is_number, [*numbers, turn])):
        return Fault("source.geometry", "a rectangle needs x, y, width and height")
    x, y, across, down = (float(v) for v in numbers if v is not None)
    shares = (x, y, x + across, y + down)
    box = tuple(round(v / 100 * (width, height)[i % 2], 2) for i, v in enumerate(shares))
    if turn % 360 == 0:
        return "bbox_2d", box
    return "poly", turned_box(box, turn, (box[0], box[1]))


def _size(row: Mapping[str, Any]) -> tuple[int, int]:
    values = row.get("original_width"), row.get("original_height")
    if all(type(v) is int and v > 0 for v in values):
        return values  # type: ignore[return-value]
    return 0, 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
