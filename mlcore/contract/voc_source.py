"""A Pascal VOC folder: which pictures and annotations it has, and their splits."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from mlcore.errors import DataError

SPLIT_NAMES = ("train", "val", "test")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class VocEntry:
    """One picture by the stem of its files; a missing file is None, a missing split empty."""

    stem: str
    annotation: Path | None
    image: Path | None
    split: str


@dataclass(frozen=True)
class VocSource:
    """`listed` says whether the source itself names the splits."""

    root: Path
    entries: tuple[VocEntry, ...]
    splits: tuple[str, ...]
    listed: bool


def open_source(folder: Path, val_share: float, seed: int) -> VocSource:
    """Look through a folder, or its only sub-folder that has Annotations.

    Splits are those of ImageSets/Main (train, val, test) where it has them. Else a share of the
    pictures, drawn with `seed`, is val. Raises DataError when the folder is not in VOC layout,
    has no annotation, or lists a picture in two splits.
    """
    root = _root(folder)
    annotations = {p.stem: p for p in sorted((root / "Annotations").glob("*.xml"))}
    if not annotations:
        raise DataError(f"{root / 'Annotations'} has no annotation (*.xml)", where=str(root))
    images = _images(root / "JPEGImages")
    lists = _lists(root / "ImageSets" / "Main")
    stems = sorted({*annotations, *images, *lists})
    of_split = lists or _drawn(stems, val_share, seed)
    entries = tuple(
        VocEntry(stem, annotations.get(stem), images.get(stem), of_split.get(stem, ""))
        for stem in stems
    )
    used = set(of_split.values())
    splits = tuple(name for name in SPLIT_NAMES if name in used)
    return VocSource(root, entries, splits, bool(lists))


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
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            words = line.split()
            if not words:
                continue
            known = out.setdefault(words[0], split)
            if known != split:
                raise DataError(
                    f"{path.name}:{number}: {words[0]} is also in {known}.txt",
                    hint="A picture may be in one split only.",
                    where=f"{path}:{number}",
                )
    return out


def _drawn(stems: list[str], val_share: float, seed: int) -> dict[str, str]:
    """At least one picture in each split where there are two."""
    shuffled = list(stems)
    random.Random(seed).shuffle(shuffled)
    count = round(len(shuffled) * val_share)
    if len(shuffled) > 1:
        count = min(max(count, 1), len(shuffled) - 1)
    val = set(shuffled[:count])
    return {stem: "val" if stem in val else "train" for stem in stems}
