"""COCO instances: images, annotations and categories in JSON, as many tools write them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlcore.contract.import_config import CocoFormat, ImportConfig, LvisFormat
from mlcore.contract.importers.files import find_picture, inside, read_json, split_word
from mlcore.contract.importers.labels import join_desc
from mlcore.contract.importers.masks import decode_rle, outline
from mlcore.contract.importers.shapes import capped, polygon
from mlcore.contract.importers.source import (
    Annotation,
    Item,
    Reject,
    Source,
    record_names,
    used_splits,
)
from mlcore.contract.pictures import Fault
from mlcore.contract.records import Kind
from mlcore.contract.transform import Points
from mlcore.errors import DataError

NUMBER = (int, float)


@dataclass(frozen=True)
class CocoFile:
    """One annotation file: its content, its path from the root, the split it is of."""

    path: Path
    shown: str
    split: str
    data: Mapping[str, Any]


def open_coco(folder: Path, config: ImportConfig, options: CocoFormat) -> Source:
    """Every annotation file of a folder, with the pictures that it names.

    Files are those of the config, else every JSON file with images and annotations in the folder,
    its `annotations` folder or the folders below; the split is in the name of the file or of its
    folder. Raises DataError when there is none, or only some of several tell their split.
    """
    files = coco_files(folder, options.annotations)
    reader = CocoReader(folder, options)
    for file in files:
        reader.read(file)
    return reader.source()


def coco_files(folder: Path, wanted: Mapping[str, str]) -> list[CocoFile]:
    """The annotation files, by split or by path. Raises DataError as `open_coco` says."""
    named = [(split, inside(folder, path)) for split, path in wanted.items()]
    paths = named or [
        (split_word(path.stem, path.parent.name if path.parent != folder else ""), path)
        for path in sorted({*folder.glob("*.json"), *folder.glob("*/*.json")})
    ]
    found = []
    for split, path in paths:
        data = read_json(path, folder)
        if isinstance(data, dict) and {"images", "annotations"} <= set(data):
            found.append(CocoFile(path, path.relative_to(folder).as_posix(), split, data))
        elif named:
            raise DataError(f"{path} has no images and annotations", where=str(path))
    if not found:
        raise DataError(
            f"{folder} has no COCO file: JSON with images, annotations and categories",
            where=str(folder),
        )
    untold = [file.shown for file in found if not file.split]
    if untold and len(found) > 1:
        raise DataError(
            f"which split is {untold[0]}? Of {len(found)} files not all say so in their name",
            hint="Name them in the config: format.annotations: {train: FILE, val: FILE}.",
            where=str(folder / untold[0]),
        )
    return found


class CocoReader:
    """Collects the items of one or more annotation files."""

    def __init__(self, root: Path, options: CocoFormat | LvisFormat) -> None:
        self.root = root
        self.options = options
        self.rejects: list[Reject] = []
        self.changed: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self._classes: dict[str, None] = {}
        self._found: list[tuple[str, Item]] = []

    def source(self) -> Source:
        """Everything that was read."""
        names = record_names([path for path, _ in self._found])
        items = tuple(
            replace(item, name=name) for name, (_, item) in zip(names, self._found, strict=True)
        )
        splits = used_splits([item.split for item in items])
        classes = tuple(self._classes)
        return Source(
            self.root, items, splits, classes, tuple(self.rejects), self.changed, self.left_out
        )

    def read(self, file: CocoFile) -> None:
        """Add the pictures of a file. Raises DataError when its three lists are not lists."""
        lists = {key: file.data.get(key) for key in ("images", "annotations", "categories")}
        for key, value in lists.items():
            if not isinstance(value, list):
                raise DataError(f"{file.shown} has no list of {key}", where=str(file.path))
        categories = self._categories(file, lists["categories"] or [])
        objects: dict[Any, list[Annotation]] = defaultdict(list)
        images = lists["images"] or []
        known = {image.get("id") for image in images if isinstance(image, dict)}
        for place, row in enumerate(lists["annotations"] or []):
            self._annotation(file, place, row, categories, known, objects)
        for place, image in enumerate(images):
            self._image(file, place, image, objects, categories)

    def _categories(self, file: CocoFile, rows: Sequence[Any]) -> dict[Any, str]:
        out: dict[Any, str] = {}
        for place, row in enumerate(rows):
            name = row.get("name") if isinstance(row, dict) else None
            if not isinstance(name, str) or not name.strip() or not is_id(row.get("id")):
                message = f"{file.shown}: categories[{place}] has no id and name"
                raise DataError(message, where=str(file.path))
            if row["id"] in out:
                message = f"{file.shown}: the category id {row['id']} occurs twice"
                raise DataError(message, where=str(file.path))
            out[row["id"]] = name.strip()
            self._classes[name.strip()] = None
        return out

    def _annotation(
        self,
        file: CocoFile,
        place: int,
        row: Any,
        categories: Mapping[Any, str],
        images: set[Any],
        objects: dict[Any, list[Annotation]],
    ) -> None:
        path = f"annotations[{place}]"
        if not isinstance(row, dict) or not is_id(row.get("image_id")):
            self._reject(file, path, Fault("source.annotation", "has no image_id"))
            return
        if row["image_id"] not in images:
            message = f"names the picture {row['image_id']}, which is not listed"
            self._reject(file, path, Fault("source.annotation", message))
            return
        if row.get("iscrowd") == 1 and not self._rejects_crowds():
            self.left_out["crowds"] += 1
            return
        label = categories.get(row.get("category_id"), "") if is_id(row.get("category_id")) else ""
        objects[row["image_id"]].append(self._object(row, path, label))

    def _rejects_crowds(self) -> bool:
        return isinstance(self.options, CocoFormat) and self.options.crowds == "reject"

    def _object(self, row: Mapping[str, Any], path: str, label: str) -> Annotation:
        if not label:
            shown = row.get("category_id")
            fault = Fault("source.label", f"names the category {shown!r}, which is not listed")
            return Annotation("", "bbox_2d", (), path=path, fault=fault)
        attributes = row.get("attributes")
        desc = join_desc(label, attributes) if isinstance(attributes, dict) else label
        if row.get("iscrowd") == 1:
            fault = Fault("coco.crowd", f"{desc} is a crowd, not one object")
            return Annotation(desc, "bbox_2d", (), path=path, fault=fault)
        made = self._geometry(row)
        if isinstance(made, Fault):
            return Annotation(desc, "bbox_2d", (), path=f"{path}", fault=made)
        kind, points = made
        field = "segmentation" if kind == "poly" else "bbox"
        return Annotation(desc, kind, points, path=f"{path}.{field}")

    def _geometry(self, row: Mapping[str, Any]) -> tuple[Kind, Points] | Fault:
        """The outline where it is wanted and there is one in one piece, else the box."""
        if self.options.geometry == "poly" and row.get("segmentation"):
            made = self._outline(row["segmentation"])
            if isinstance(made, Fault):
                return made
            if made is not None:
                kind, points = capped(made, self.options.max_polygon_points, self.changed)
                if kind == "poly":
                    return kind, points
        box = row.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not _are_numbers(box):
            return Fault("source.geometry", f"bbox needs four numbers x, y, width, height: {box}")
        x, y, width, height = box
        return "bbox_2d", (x, y, _sum(x, width), _sum(y, height))

    def _outline(self, segmentation: Any) -> Points | Fault | None:
        """None for an outline in several pieces, which no one polygon can be; counted."""
        if isinstance(segmentation, dict):
            try:
                mask = decode_rle(segmentation)
            except ValueError as error:
                return Fault("source.geometry", f"the mask is broken: {error}")
            made = outline(mask, self.changed)
            self.changed["mask_to_polygon" if made else "mask_in_pieces_to_box"] += 1
            return made
        parts = segmentation if isinstance(segmentation, list) else [segmentation]
        for part in parts:
            if not isinstance(part, list) or not _are_numbers(part):
                return Fault("source.geometry", "segmentation is neither polygons nor RLE")
            if len(part) < 6 or len(part) % 2:
                return Fault("source.geometry", f"a polygon of {len(part)} numbers")
        if len(parts) > 1:
            self.changed["polygon_in_pieces_to_box"] += 1
            return None
        return polygon(parts[0], self.changed)

    def _image(
        self,
        file: CocoFile,
        place: int,
        image: Any,
        objects: Mapping[Any, list[Annotation]],
        names: Mapping[Any, str],
    ) -> None:
        path = f"images[{place}]"
        name = self.picture_name(image) if isinstance(image, dict) else ""
        if not name or not is_id(image.get("id")):
            self._reject(file, path, Fault("source.image", "has no id and file_name"), objects=0)
            return
        picture = find_picture(self.root, self._folders(file), name)
        fault = None if picture else Fault("source.image", f"{name} is in none of the folders")
        size = (_whole(image.get("width")), _whole(image.get("height")))
        item = Item(
            name="",
            image=picture,
            file=file.shown,
            objects=tuple(objects.get(image["id"], ())),
            size=size,
            split=file.split,
            path=path,
            fault=fault,
            metadata=self.image_metadata(image, names),
        )
        self._found.append((picture or name, item))

    def picture_name(self, image: Mapping[str, Any]) -> str:
        """The picture's path as the file gives it, empty where it gives none."""
        name = image.get("file_name")
        return name if isinstance(name, str) else ""

    def image_metadata(self, image: Mapping[str, Any], names: Mapping[Any, str]) -> dict[str, Any]:
        """What else a picture's record keeps; `names` are the categories by id."""
        return {}

    def _folders(self, file: CocoFile) -> list[Path]:
        """Where pictures are looked for, in this order."""
        if self.options.images:
            return [inside(self.root, self.options.images)]
        beside, root = file.path.parent, self.root
        named = file.path.stem.removeprefix("instances_")
        bases = [root / "images", root]
        tries = [base / inner for base in bases for inner in (named, file.split, "") if inner != ""]
        return [f for f in [beside, *tries, *bases, root / "data"] if f.is_dir()]

    def _reject(self, file: CocoFile, path: str, fault: Fault, objects: int = 1) -> None:
        self.rejects.append(Reject(file.shown, 0, path, fault, objects))


def is_id(value: Any) -> bool:
    """Whether a value can be an id: a whole number or text."""
    return isinstance(value, int | str) and not isinstance(value, bool)


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(v, NUMBER) and not isinstance(v, bool) for v in values)


def _whole(value: Any) -> int:
    return int(value) if type(value) in NUMBER and value > 0 and value == int(value) else 0


def _sum(start: float, extent: float) -> float:
    """Without the noise of binary fractions: 0.1 + 0.2 is 0.3."""
    total = start + extent
    return total if isinstance(total, int) else round(total, 6)
