"""YOLO: one text file of labels per picture, in shares of its width and height.

A line of five numbers is a box (class, centre x, centre y, width, height); a longer one is a
polygon (class, x, y, x, y, ...). Names stand in data.yaml or classes.txt.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from mlcore.config.yaml_tree import read_foreign_yaml
from mlcore.contract.import_config import ImportConfig, YoloFormat
from mlcore.contract.importers.files import inside, pictures_in, read_text, split_word
from mlcore.contract.importers.shapes import polygon
from mlcore.contract.importers.source import (
    Annotation,
    Item,
    Reject,
    Source,
    record_names,
    used_splits,
)
from mlcore.contract.pictures import Fault
from mlcore.errors import DataError

SPLIT_KEYS = {"train": "train", "val": "val", "test": "test"}


def open_yolo(folder: Path, config: ImportConfig, options: YoloFormat) -> Source:
    """The pictures of the splits of data.yaml, or those below `images` beside classes.txt.

    Labels lie where `images` in a picture's path is replaced by `labels`, else beside it. A
    picture without a label file has no object. Raises DataError when there are no names, a split
    names nothing, or a picture is in two splits.
    """
    data = _data_file(folder, options.data)
    if data.suffix == ".txt":
        names = [line.strip() for line in read_text(data, folder).splitlines() if line.strip()]
        lists = _lists_of_folder(folder)
    else:
        content = _yaml(data, folder)
        names = _names(content.get("names"), data)
        lists = _lists_of_yaml(folder, data, content)
    return _Reader(folder, names).read(lists)


class _Reader:
    def __init__(self, root: Path, names: list[str]) -> None:
        self.root = root
        self.names = names
        self.changed: Counter[str] = Counter()
        self.rejects: list[Reject] = []

    def read(self, lists: dict[str, list[Path]]) -> Source:
        paths: dict[Path, str] = {}
        for split, pictures in lists.items():
            for path in pictures:
                if paths.setdefault(path, split) != split:
                    raise DataError(
                        f"{path} is in {paths[path]} and in {split}",
                        hint="A picture may be in one split only.",
                        where=str(path),
                    )
        shown = [path.relative_to(self.root).as_posix() for path in paths]
        named = record_names(shown)
        items = tuple(
            self._item(path, name, split)
            for (path, split), name in zip(paths.items(), named, strict=True)
        )
        splits = used_splits(list(paths.values()))
        return Source(
            self.root, items, splits, tuple(self.names), tuple(self.rejects), self.changed
        )

    def _item(self, path: Path, name: str, split: str) -> Item:
        labels = self._labels(path)
        image = path.relative_to(self.root).as_posix()
        if labels is None:
            return Item(name, image, image, unit="shares", split=split)
        file = labels.relative_to(self.root).as_posix()
        lines = read_text(labels, self.root).splitlines()
        objects = tuple(
            self._object(line, number) for number, line in enumerate(lines, start=1) if line.strip()
        )
        return Item(name, image, file, objects, unit="shares", split=split, line=1)

    def _labels(self, picture: Path) -> Path | None:
        parts = list(picture.relative_to(self.root).parts)
        places = [i for i, part in enumerate(parts[:-1]) if part == "images"]
        tries = [picture.with_suffix(".txt")]
        if places:
            parts[places[-1]] = "labels"
            tries.insert(0, (self.root / Path(*parts)).with_suffix(".txt"))
        return next((path for path in tries if path.is_file()), None)

    def _object(self, text: str, line: int) -> Annotation:
        words = text.split()
        numbers = [_number(word) for word in words]
        fault = self._fault(words, numbers)
        if fault is not None:
            return Annotation("", "bbox_2d", (), line, fault=fault)
        desc = self.names[int(numbers[0])]
        if len(numbers) == 5:
            _, x, y, width, height = numbers
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            return Annotation(desc, "bbox_2d", box, line)
        return Annotation(desc, "poly", polygon(numbers[1:], self.changed), line)

    def _fault(self, words: list[str], numbers: list[float]) -> Fault | None:
        if any(math.isnan(n) for n in numbers):
            return Fault("source.geometry", f"not all are finite numbers: {' '.join(words)[:200]}")
        if len(numbers) != 5 and (len(numbers) < 7 or len(numbers) % 2 == 0):
            return Fault("source.geometry", f"has {len(numbers)} numbers: neither box nor polygon")
        if not numbers[0].is_integer() or not 0 <= numbers[0] < len(self.names):
            return Fault("source.label", f"names the class {words[0]} of {len(self.names)}")
        return None


def _data_file(folder: Path, wanted: str) -> Path:
    if wanted:
        return inside(folder, wanted)
    found = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) or [
        path for path in [folder / "classes.txt"] if path.is_file()
    ]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "neither data.yaml nor classes.txt"
        raise DataError(
            f"{folder} has {names}",
            hint="Say which file names the classes: format.data.",
            where=str(folder),
        )
    return found[0]


def _yaml(path: Path, root: Path) -> dict[str, Any]:
    tree = read_foreign_yaml(read_text(path, root), path.name)
    if tree.problems or not isinstance(tree.data, dict):
        raise DataError(f"{path.name} is not usable: {tree.problems[0]}", where=str(path))
    return tree.data


def _names(value: Any, path: Path) -> list[str]:
    """Names as a list, or as a mapping of 0, 1, 2, ... to names."""
    if isinstance(value, dict):
        wanted = [str(i) for i in range(len(value))]
        if sorted(value, key=wanted.index if set(value) == set(wanted) else str) != wanted:
            raise DataError(
                f"{path.name}: names must be numbered from 0 without gaps", where=str(path)
            )
        value = [value[key] for key in wanted]
    if not isinstance(value, list) or not value:
        raise DataError(f"{path.name} has no names", where=str(path))
    names = [str(name).strip() for name in value]
    if not all(names):
        raise DataError(f"{path.name} has an empty name", where=str(path))
    return names


def _lists_of_folder(folder: Path) -> dict[str, list[Path]]:
    """The pictures below `images`, by the folder that tells their split."""
    out: dict[str, list[Path]] = {}
    base = folder / "images" if (folder / "images").is_dir() else folder
    for path in pictures_in(base):
        inner = path.relative_to(base).parts
        out.setdefault(split_word(inner[0]) if len(inner) > 1 else "", []).append(path)
    if not out:
        raise DataError(f"{base} has no picture", where=str(base))
    if "" in out and len(out) > 1:
        raise DataError(f"not every picture below {base} is in a split's folder", where=str(base))
    return out


def _lists_of_yaml(folder: Path, data: Path, content: dict[str, Any]) -> dict[str, list[Path]]:
    out: dict[str, list[Path]] = {}
    for key, split in SPLIT_KEYS.items():
        value = content.get(key)
        values = value if isinstance(value, list) else [value]
        for entry in values:
            if entry:
                out.setdefault(split, []).extend(_entry(folder, data, content, str(entry)))
    if not any(out.values()):
        raise DataError(f"{data.name} names no picture in train, val or test", where=str(data))
    return {split: pictures for split, pictures in out.items() if pictures}


def _entry(folder: Path, data: Path, content: dict[str, Any], entry: str) -> list[Path]:
    """The pictures of a folder or of a list that a split names.

    Tried from the data file's folder and from its `path` below it; a `../` in front, as some
    exports write it, is dropped when there is nothing.
    """
    inner = str(content.get("path") or ".")
    bases = [data.parent / inner, data.parent, folder]
    texts = [entry, entry.removeprefix("../")]
    for path in [base / text for text in texts for base in bases]:
        if path.exists() and path.resolve().is_relative_to(folder.resolve()):
            full = folder / path.resolve().relative_to(folder.resolve())
            return _listed(full, folder) if full.is_file() else pictures_in(full)
    raise DataError(
        f"{data.name} names {entry}, which is not in {folder}",
        where=str(data),
    )


def _listed(path: Path, folder: Path) -> list[Path]:
    out = []
    for number, line in enumerate(read_text(path, folder).splitlines(), start=1):
        if not line.strip():
            continue
        found = next(
            (p for p in (path.parent / line.strip(), folder / line.strip()) if p.is_file()), None
        )
        if found is None or not found.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{path.name}:{number}: {line.strip()} is not there", where=str(path))
        out.append(folder / found.resolve().relative_to(folder.resolve()))
    return out


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
