"""The labelling platform's export: one JSON file beside each picture, answers to questions.

Two forms. `markResult.features`: GeoJSON-like features, coordinates nested by the shape.
`dataList` (older): two corners and answers. Where a file has both, `dataList` counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mlcore.contract.domains import CATEGORIES
from mlcore.contract.import_config import ImportConfig, PlatformFormat
from mlcore.contract.importers.files import inside, pictures_in, read_json
from mlcore.contract.importers.shapes import polygon
from mlcore.contract.importers.source import Annotation, Item, Source, record_names
from mlcore.contract.importers.taxonomy import Reader, read_taxonomy
from mlcore.contract.pictures import Fault
from mlcore.contract.records import Kind
from mlcore.contract.summaries import json_summary, text_summary
from mlcore.contract.transform import Points
from mlcore.errors import DataError

TICKET = re.compile(r"^QC-[A-Za-z]+-\d{8}-\d+")
"""the ticket at the front of a picture's name; a picture without it has that of its folder"""
LABELS = {"审核通过": "pass", "审核不通过": "fail"}
"""folders by the verdict of the people who checked the ticket"""
SHAPES: dict[str, Kind] = {
    "ExtentPolygon": "bbox_2d",
    "Polygon": "poly",
    "Quad": "poly",
    "Square": "poly",
    "TiltRectangle": "poly",
    "Parallelogram": "poly",
    "Trapezium": "poly",
    "LineString": "line",
}
Made = tuple[Kind, Points] | Fault


def open_platform(folder: Path, config: ImportConfig, options: PlatformFormat) -> Source:
    """Every picture and every JSON file below a folder, paired by folder and stem.

    Raises DataError when there is neither, or the taxonomy is not usable.
    """
    taxonomy = read_taxonomy(inside(folder, options.taxonomy)) if options.taxonomy else None
    files = {p.with_suffix(""): p for p in sorted(folder.rglob("*.json"))}
    if taxonomy is not None:
        files.pop((folder / options.taxonomy).with_suffix(""), None)
    pictures = {p.with_suffix(""): p for p in pictures_in(folder)}
    if not files and not pictures:
        raise DataError(f"{folder} has neither pictures nor JSON files", where=str(folder))
    reader = _Reader(
        folder, options, Reader(taxonomy or read_taxonomy(), options.family, Counter())
    )
    found = [reader.item(files.get(k), pictures.get(k)) for k in sorted({*files, *pictures})]
    names = record_names([item.image or item.file for item in found])
    items = tuple(replace(item, name=name) for item, name in zip(found, names, strict=True))
    classes = tuple(CATEGORIES[options.family])

    def summary(descs: Sequence[str]) -> str:
        if options.summary == "text" or not descs:
            return text_summary(descs)
        return json_summary(descs, options.family)

    return Source(
        folder,
        items,
        classes=classes,
        changed=reader.changed + reader.meanings.noted,
        ticket_of=ticket_of,
        summary=summary,
    )


def ticket_of(path: str) -> str:
    """The ticket of a picture by its path: the front of its name, else its folder's name."""
    pure = PurePosixPath(path)
    found = TICKET.match(pure.stem)
    return found.group(0) if found else pure.parent.name


class _Reader:
    def __init__(self, root: Path, options: PlatformFormat, meanings: Reader) -> None:
        self.root = root
        self.options = options
        self.meanings = meanings
        self.changed: Counter[str] = Counter()

    def item(self, file: Path | None, picture: Path | None) -> Item:
        """One picture with its objects; its name comes later."""
        image = picture.relative_to(self.root).as_posix() if picture else None
        if file is None:
            assert picture is not None and image is not None
            fault = Fault("source.image", f"{picture.name} has no JSON file beside it")
            return Item("", image, image, fault=fault)
        shown = file.relative_to(self.root).as_posix()
        try:
            data = read_json(file, self.root)
        except DataError as error:
            return Item("", image, shown, fault=Fault("source.json", error.message))
        metadata: dict[str, Any] = {"domain": self.options.family}
        labels = {LABELS[part] for part in file.relative_to(self.root).parts if part in LABELS}
        if len(labels) == 1:
            metadata["audit_result"] = labels.pop()
        rows, path = _rows(data)
        missing = Fault("source.image", "has no picture beside it") if picture is None else None
        if rows is None:
            fault = Fault("source.json", "has neither markResult.features nor dataList")
            return Item("", image, shown, fault=missing or fault, metadata=metadata)
        objects = tuple(self._object(row, f"{path}[{i}]") for i, row in enumerate(rows))
        size = _size(data)
        return Item("", image, shown, objects, size, fault=missing, metadata=metadata)

    def _object(self, row: Any, path: str) -> Annotation:
        properties = row.get("properties") if isinstance(row, dict) else None
        if not isinstance(properties, dict):
            fault = Fault("source.annotation", "has no properties")
            return Annotation("", "bbox_2d", (), path=path, fault=fault)
        groups = _groups(properties.get("groups")) if self.options.family == "rru" else []
        made = self._geometry(row)
        meant = self.meanings.meaning(_answers(properties), groups)
        if isinstance(meant, Fault):
            return Annotation("", "bbox_2d", (), path=path, fault=meant, groups=tuple(groups))
        if not isinstance(made, Fault) and made[0] not in meant.type.geometries:
            allowed = " or ".join(meant.type.geometries)
            made = Fault("platform.geometry", f"is a {made[0]}, its type is drawn as {allowed}")
        if isinstance(made, Fault):
            fault = Fault(made.rule, f"{meant.desc} {made.message}")
            return Annotation(meant.desc, "bbox_2d", (), path=path, fault=fault)
        kind, points = made
        field = f"{path}.geometry" if "geometry" in row else f"{path}.coordinates"
        return Annotation(meant.desc, kind, points, path=field, groups=tuple(groups))

    def _geometry(self, row: Mapping[str, Any]) -> Made:
        geometry = row.get("geometry")
        if not isinstance(geometry, dict):
            corners = _flat(row.get("coordinates"))
            if corners is None or len(corners) != 4:
                return Fault("source.geometry", "needs two corners x, y")
            xs, ys = corners[0::2], corners[1::2]
            return "bbox_2d", (min(xs), min(ys), max(xs), max(ys))
        shape = geometry.get("type")
        if not isinstance(shape, str) or shape not in SHAPES:
            return Fault("platform.shape", f"a {shape} is neither box, polygon nor line")
        kind = SHAPES[shape]
        if "C" in "".join(map(str, geometry.get("lineType") or "")):
            return Fault("platform.shape", f"a {shape} with curves is not an outline of points")
        rings = _rings(geometry.get("coordinates"))
        if not rings:
            return Fault("source.geometry", f"a {shape} needs pairs of numbers")
        if len(rings) > 1:
            self.changed["polygon_holes_filled"] += 1
        if kind == "bbox_2d":
            xs, ys = rings[0][0::2], rings[0][1::2]
            return kind, (min(xs), min(ys), max(xs), max(ys))
        return kind, polygon(rings[0], self.changed) if kind == "poly" else tuple(rings[0])


def _rows(data: Any) -> tuple[list[Any] | None, str]:
    rows = data.get("dataList") if isinstance(data, dict) else None
    if isinstance(rows, list) and rows:
        return rows, "dataList"
    result = data.get("markResult") if isinstance(data, dict) else None
    features = result.get("features") if isinstance(result, dict) else None
    return (features if isinstance(features, list) else None), "markResult.features"


def _size(data: Mapping[str, Any]) -> tuple[int, int] | None:
    info = data.get("info")
    if not isinstance(info, dict):
        return None
    sides = [info.get("width"), info.get("height")]
    whole = [int(v) if isinstance(v, int | float) and v > 0 and v == int(v) else 0 for v in sides]
    return whole[0], whole[1]


def _answers(properties: Mapping[str, Any]) -> dict[str, list[str]]:
    """Answers by question (contentZh), then by key (content); each a list of texts."""
    out: dict[str, list[str]] = {}
    for source in ("contentZh", "content"):
        rows = properties.get(source)
        for key, value in rows.items() if isinstance(rows, dict) else ():
            values = value if isinstance(value, list) else [value]
            texts = [str(v).strip() for v in values if isinstance(v, str | int | float)]
            out.setdefault(str(key).strip(), texts)
    return out


def _groups(value: Any) -> list[str]:
    """Ids without repeats, in the order of numbers."""
    rows = value if isinstance(value, list) else []
    found = {str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row}
    return sorted(
        found, key=lambda text: (not text.isdigit(), int(text) if text.isdigit() else 0, text)
    )


def _rings(value: Any) -> list[list[float]]:
    """Coordinates as flat rings, however deep they are nested; nothing where one is broken."""
    if not isinstance(value, list) or not value:
        return []
    flat = _flat(value)
    if flat is not None:
        return [flat]
    inner = [_rings(part) for part in value]
    return [ring for rings in inner for ring in rings] if all(inner) else []


def _flat(value: Any) -> list[float] | None:
    if not isinstance(value, list) or not value:
        return None
    out: list[float] = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
            return None
        out += pair
    return out


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
