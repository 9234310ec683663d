"""Pascal VOC: a folder with Annotations, JPEGImages and, where it names splits, ImageSets/Main."""

from __future__ import annotations

import math
from pathlib import Path

from mlcore.contract.import_config import ImportConfig, VocFormat
from mlcore.contract.importers.source import (
    IMAGE_SUFFIXES,
    SPLIT_NAMES,
    Annotation,
    Item,
    Source,
    used_splits,
)
from mlcore.contract.importers.xml_tree import BadXml, Node, number, read_xml, whole
from mlcore.contract.pictures import Fault
from mlcore.errors import DataError

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FLAGS = ("truncated", "difficult")


def open_voc(folder: Path, config: ImportConfig, options: VocFormat) -> Source:
    """Look through a folder, or its only sub-folder that has Annotations.

    Splits are those of ImageSets/Main (train, val, test) where it has them. Raises DataError when
    the folder is not in VOC layout, has no annotation, or lists a picture in two splits.
    """
    root = _root(folder)
    annotations = {p.stem: p for p in sorted((root / "Annotations").glob("*.xml"))}
    if not annotations:
        raise DataError(f"{root / 'Annotations'} has no annotation (*.xml)", where=str(root))
    images = _images(root / "JPEGImages")
    lists = _lists(root / "ImageSets" / "Main")
    items = tuple(
        _item(stem, annotations.get(stem), images.get(stem), lists.get(stem, ""), root, options)
        for stem in sorted({*annotations, *images, *lists})
    )
    return Source(root, items, used_splits(list(lists.values())))


def _item(
    stem: str,
    annotation: Path | None,
    image: Path | None,
    split: str,
    root: Path,
    options: VocFormat,
) -> Item:
    shown = image.relative_to(root).as_posix() if image is not None else None
    if annotation is None:
        file = shown or f"ImageSets/Main/{split}.txt"
        message = "is listed and has neither picture nor annotation"
        fault = Fault("source.image", f"{image.name} has no annotation" if image else message)
        return Item(stem, shown, file, split=split, line=1, fault=fault)
    file = annotation.relative_to(root).as_posix()
    tree = read_xml(annotation, "annotation")
    if isinstance(tree, BadXml):
        fault = Fault("source.xml", tree.message)
        return Item(stem, shown, file, split=split, line=tree.line, fault=fault)
    missing = Fault("source.image", "has no picture in JPEGImages") if image is None else None
    size = tree.child("size")
    stated = (whole(size.value("width")), whole(size.value("height"))) if size else (0, 0)
    nodes = [node for node in tree.children if node.tag == "object"]
    objects = tuple(_box(node, i, options.first_pixel) for i, node in enumerate(nodes))
    return Item(stem, shown, file, objects, stated, split=split, line=1, fault=missing)


def _box(node: Node, place: int, first_pixel: int) -> Annotation:
    name = node.value("name")
    bounds = node.child("bndbox")
    written = [bounds.value(key) if bounds is not None else "" for key in CORNERS]
    x0, y0, x1, y1 = (number(value) for value in written)
    fault = None
    if not name:
        fault = Fault("source.label", "has no class name")
    elif any(math.isnan(n) for n in (x0, y0, x1, y1)):
        shown = ", ".join(f"{k}={v!r}" for k, v in zip(CORNERS, written, strict=True))
        fault = Fault("source.geometry", f"needs four finite corners: {shown}")
    flags = tuple(flag for flag in FLAGS if node.value(flag) == "1")
    points = (x0 - first_pixel, y0 - first_pixel, x1, y1)
    return Annotation(name, "bbox_2d", points, node.line, f"objects[{place}].bndbox", fault, flags)


def _root(folder: Path) -> Path:
    if (folder / "Annotations").is_dir():
        return folder
    inside = [p for p in sorted(folder.glob("*")) if (p / "Annotations").is_dir()]
    if len(inside) != 1:
        found = f"{len(inside)} of its folders have one" if inside else "nor has a folder in it"
        raise DataError(
            f"{folder} has no folder Annotations, {found}",
            hint="Give the folder that holds Annotations and JPEGImages.",
            where=str(folder),
        )
    return inside[0]


def _images(folder: Path) -> dict[str, Path]:
    """Pictures by stem; of several with one stem the first in IMAGE_SUFFIXES counts."""
    found: dict[str, Path] = {}
    if not folder.is_dir():
        raise DataError(f"{folder} does not exist", where=str(folder))
    known = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES]
    for path in sorted(known, key=lambda p: IMAGE_SUFFIXES.index(p.suffix.lower())):
        found.setdefault(path.stem, path)
    return found


def _lists(folder: Path) -> dict[str, str]:
    out: dict[str, str] = {}
    for split in SPLIT_NAMES:
        path = folder / f"{split}.txt"
        if not path.is_file():
            continue
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            words = text.split()
            if not words:
                continue
            known = out.setdefault(words[0], split)
            if known != split:
                raise DataError(
                    f"{path.name}:{line}: {words[0]} is also in {known}.txt",
                    hint="A picture may be in one split only.",
                    where=f"{path}:{line}",
                )
    return out
