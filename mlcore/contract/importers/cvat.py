"""CVAT for images, XML 1.1: boxes, polygons, polylines and masks with their attributes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlcore.contract.import_config import CvatFormat, ImportConfig
from mlcore.contract.importers.files import find_picture, inside, split_word
from mlcore.contract.importers.labels import join_desc
from mlcore.contract.importers.masks import outline
from mlcore.contract.importers.shapes import polygon, turned_box
from mlcore.contract.importers.source import (
    Annotation,
    Item,
    Source,
    record_names,
    used_splits,
)
from mlcore.contract.importers.xml_tree import BadXml, Node, number, read_xml, whole
from mlcore.contract.pictures import MAX_PIXELS, Fault
from mlcore.contract.records import Kind
from mlcore.contract.transform import Points
from mlcore.errors import DataError

SHAPES = ("box", "polygon", "polyline", "mask", "points", "ellipse", "cuboid", "skeleton")
CORNERS = ("xtl", "ytl", "xbr", "ybr")
Made = tuple[Kind, Points] | Fault


def open_cvat(folder: Path, config: ImportConfig, options: CvatFormat) -> Source:
    """Every annotation file (*.xml) of a folder and of the folders in it.

    A picture's split is its `subset`, else told by the file's or folder's name. Raises DataError
    when there is no file, one is broken, or one is of a video (tracks).
    """
    paths = sorted({*folder.glob("*.xml"), *folder.glob("*/*.xml")})
    if not paths:
        raise DataError(f"{folder} has no annotation file (*.xml)", where=str(folder))
    reader = _Reader(folder, options)
    for path in paths:
        reader.read(path)
    return reader.source()


class _Reader:
    def __init__(self, root: Path, options: CvatFormat) -> None:
        self.root = root
        self.options = options
        self.changed: Counter[str] = Counter()
        self.labels: dict[str, None] = {}
        self._found: list[tuple[str, Item]] = []

    def source(self) -> Source:
        """Everything that was read."""
        names = record_names([path for path, _ in self._found])
        items = tuple(
            replace(item, name=name) for name, (_, item) in zip(names, self._found, strict=True)
        )
        splits = used_splits([item.split for item in items])
        if splits and not all(item.split for item in items):
            lost = next(item for item in items if not item.split)
            raise DataError(f"{lost.file}: the picture {lost.name} names no subset, others do")
        return Source(self.root, items, splits, tuple(self.labels), changed=self.changed)

    def read(self, path: Path) -> None:
        """Add the pictures of a file."""
        shown = path.relative_to(self.root).as_posix()
        tree = read_xml(path, "annotations")
        if isinstance(tree, BadXml):
            raise DataError(f"{shown}:{tree.line}: {tree.message}", where=str(path))
        if any(child.tag == "track" for child in tree.children):
            raise DataError(
                f"{shown} is of a video: it has tracks",
                hint="Export it as `CVAT for images`.",
                where=str(path),
            )
        for label in _labels(tree):
            self.labels[label] = None
        folder = path.parent.name if path.parent != self.root else ""
        split = split_word(path.stem, folder)
        for node in tree.children:
            if node.tag == "image":
                self._image(node, path, shown, split)

    def _image(self, node: Node, path: Path, shown: str, split: str) -> None:
        name = node.attributes.get("name", "")
        picture = find_picture(self.root, self._folders(path, node), name)
        shapes = [child for child in node.children if child.tag in SHAPES]
        tags = [c.attributes.get("label", "") for c in node.children if c.tag == "tag"]
        item = Item(
            name="",
            image=picture,
            file=shown,
            objects=tuple(self._object(shape) for shape in shapes),
            size=(
                whole(node.attributes.get("width", "")),
                whole(node.attributes.get("height", "")),
            ),
            split=split_word(node.attributes.get("subset", "")) or split,
            line=node.line,
            fault=None if picture else Fault("source.image", f"{name} is in none of the folders"),
            metadata={"tags": tags} if tags else {},
        )
        self._found.append((picture or name, item))

    def _folders(self, path: Path, node: Node) -> list[Path]:
        if self.options.images:
            return [inside(self.root, self.options.images)]
        subset = node.attributes.get("subset", "")
        bases = [path.parent, path.parent / "images", self.root, self.root / "images"]
        return [f for base in bases for f in ((base / subset) if subset else base, base)]

    def _object(self, node: Node) -> Annotation:
        label = node.attributes.get("label", "").strip()
        rows = {
            c.attributes.get("name", ""): c.text.strip()
            for c in node.children
            if c.tag == "attribute"
        }
        desc = join_desc(label, rows)
        if not label:
            fault = Fault("source.label", f"a {node.tag} has no label")
            return Annotation("", "bbox_2d", (), node.line, node.tag, fault)
        made = _MAKERS[node.tag](node, self.changed) if node.tag in _MAKERS else _unknown(node)
        if isinstance(made, Fault):
            return Annotation(desc, "bbox_2d", (), node.line, node.tag, made)
        flags = ("occluded",) if node.attributes.get("occluded") == "1" else ()
        return Annotation(desc, *made, node.line, node.tag, flags=flags)


def _labels(tree: Node) -> list[str]:
    """The names of `meta/*/labels/label`, in their order; a project lists them as a task does."""
    found: list[str] = []
    meta = tree.child("meta")
    for holder in meta.children if meta else []:
        labels = holder.child("labels")
        for label in labels.children if labels else []:
            found.append(label.value("name"))
    return [name for name in found if name]


def _unknown(node: Node) -> Fault:
    return Fault("cvat.shape", f"a {node.tag} is neither box, polygon, polyline nor mask")


def _box(node: Node, changed: Counter[str]) -> Made:
    numbers = [number(node.attributes.get(key, "")) for key in CORNERS]
    turn = number(node.attributes.get("rotation", "0"))
    if any(math.isnan(n) for n in [*numbers, turn]):
        return Fault("source.geometry", f"a box needs finite {', '.join(CORNERS)}")
    x0, y0, x1, y1 = numbers
    if turn % 360 == 0:
        return "bbox_2d", (x0, y0, x1, y1)
    return "poly", turned_box((x0, y0, x1, y1), turn, ((x0 + x1) / 2, (y0 + y1) / 2))


def _points(node: Node) -> Points | Fault:
    pairs = [pair.split(",") for pair in node.attributes.get("points", "").split(";") if pair]
    numbers = [number(value) for pair in pairs for value in pair]
    if not pairs or any(len(pair) != 2 for pair in pairs) or any(math.isnan(n) for n in numbers):
        return Fault("source.geometry", f"a {node.tag} needs points `x,y;x,y;...`")
    return tuple(numbers)


def _polygon(node: Node, changed: Counter[str]) -> Made:
    points = _points(node)
    return points if isinstance(points, Fault) else ("poly", polygon(points, changed))


def _polyline(node: Node, changed: Counter[str]) -> Made:
    points = _points(node)
    return points if isinstance(points, Fault) else ("line", points)


def _mask(node: Node, changed: Counter[str]) -> Made:
    """Row by row, runs of 0 and 1 over the box left, top, width, height of whole pixels."""
    keys = ("left", "top", "width", "height")
    place = [number(node.attributes.get(key, "")) for key in keys]
    runs = [whole(text) for text in _runs(node)]
    left, top, width, height = (int(v) if v >= 0 and v.is_integer() else -1 for v in place)
    if min(left, top) < 0 or min(width, height) < 1 or width * height > MAX_PIXELS:
        return Fault("source.geometry", f"a mask needs whole {', '.join(keys)}")
    if sum(runs) != width * height:
        return Fault("source.geometry", f"a mask covers {sum(runs)} of {width * height} pixels")
    flat = np.repeat(np.arange(len(runs), dtype=np.uint8) % 2, runs)
    made = outline(flat.reshape(height, width), changed)
    changed["mask_to_polygon" if made else "mask_in_pieces_to_box"] += 1
    if made is None:
        return "bbox_2d", (left, top, left + width, top + height)
    return "poly", tuple(v + (left, top)[i % 2] for i, v in enumerate(made))


def _runs(node: Node) -> Sequence[str]:
    return [text.strip() for text in node.attributes.get("rle", "").split(",")]


_MAKERS: dict[str, Callable[[Node, Counter[str]], Made]] = {
    "box": _box,
    "polygon": _polygon,
    "polyline": _polyline,
    "mask": _mask,
}
