"""Tickets from folders: ROOT/MISSION/{审核不通过,审核通过}/GROUP/*.{jpg,jpeg,png}."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlcore.contract.importers.archive import archive_of, unpack
from mlcore.errors import DataError
from mlcore.near import did_you_mean
from mlcore.stage_a.group import Found, Group, Photo, natural, once_each
from mlcore.stage_a.record import Label

LABELS: dict[str, Label] = {"审核不通过": "fail", "审核通过": "pass"}
"""what a person decided, by the folder's name, in the order in which they are gone through"""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_GROUP_ID = re.compile(r"QC-[A-Za-z]+-[0-9]{8}-[0-9]+")


@contextmanager
def opened_folders(source: Path, into: Path, mission: str) -> Iterator[Path]:
    """The folder that holds the missions: the source itself, or what its zip holds, unpacked into
    `into`, which is removed at the end.

    A folder around everything in the zip is stepped into. Raises DataError for a zip that is
    damaged or could do harm, InfrastructureError where the disk has no room for it.
    """
    archive = archive_of(source) if source.exists() else None
    if archive is None:
        yield source
        return
    shutil.rmtree(into, ignore_errors=True)
    try:
        unpack(archive, into)
        around = _names(into)
        wrapped = not (into / mission).is_dir() and len(around) == 1
        yield into / around[0] if wrapped else into
    finally:
        shutil.rmtree(into, ignore_errors=True)


def find_in_folders(root: Path, mission: str) -> Found:
    """The tickets of a mission: the failed ones first, each label's by name of their folder.

    A ticket is called after the number that its first image's name begins with, else after its
    folder. Folders of other names, groups without an image and images outside a group are told and
    left out. Raises DataError where there is no such mission or no ticket at all.
    """
    folder = root / mission
    if not root.is_dir() or not folder.is_dir():
        others = _names(root) if root.is_dir() else []
        raise DataError(
            f"there is no folder {mission!r}",
            hint=did_you_mean(mission, others) if others else "The folder of tickets is empty.",
            where=str(root),
        )
    warnings: list[tuple[str, str]] = []
    groups: list[Group] = []
    for name in _names(folder):
        if name not in LABELS:
            words = f"{name} is none of {', '.join(LABELS)}: left out"
            warnings.append(("unknown_label_folder", words))
    for name, label in LABELS.items():
        if not (folder / name).is_dir():
            warnings.append(("label_folder_missing", f"there is no folder {name}"))
            continue
        groups += _groups(root, folder / name, label, warnings)
    if not groups:
        raise DataError(
            f"no ticket of {mission} has an image",
            hint=f"Tickets lie in {' and '.join(LABELS)}, a folder each, as .jpg, .jpeg or .png.",
            where=str(folder),
        )
    return Found(root, tuple(once_each(groups)), warnings=tuple(warnings))


def _groups(
    root: Path, folder: Path, label: Label, warnings: list[tuple[str, str]]
) -> Iterator[Group]:
    loose = sum(_is_image(path) for path in folder.iterdir())
    if loose:
        words = f"{loose} images lie in {folder.name} outside any ticket: left out"
        warnings.append(("image_outside_group", words))
    for name in _names(folder):
        paths = [p for p in (folder / name).iterdir() if _is_image(p)]
        if not paths:
            warnings.append(("empty_group", f"{folder.name}/{name} has no image: left out"))
            continue
        paths.sort(key=lambda path: natural(path.name))
        photos = tuple(Photo(p.name, p.relative_to(root).as_posix()) for p in paths)
        yield Group(group_id_of(photos[0].name, name), label, photos)


def group_id_of(image: str, folder: str) -> str:
    """The number that an image's name begins with, else the name of its folder."""
    found = _GROUP_ID.match(Path(image).stem)
    return found[0] if found else folder


def _names(folder: Path) -> list[str]:
    """The folders in a folder by name, hidden ones left out."""
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _is_image(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix.lower() in SUFFIXES and path.is_file() and not hidden
