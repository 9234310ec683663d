"""What a source of any foreign format yields: pictures and their annotations, faults included.

A source reads annotation files and finds pictures; it neither opens pictures nor decides what is
kept. That is the engine's part (`mlcore.contract.importers.engine`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from mlcore.contract.pictures import Fault
from mlcore.contract.records import Kind
from mlcore.contract.summaries import text_summary
from mlcore.contract.transform import Points

SPLIT_NAMES = ("train", "val", "test")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Annotation:
    """One object as its file gives it, or the fault that makes it unusable.

    `points` lie in the frame of the item: pixels of the stated size, or shares of the picture.
    `line` (from 1; 0 where the file has no lines) and `path` say where in the item's file it
    stands. `flags` become metadata of the record: name to the places of the objects that have it.
    `groups` are ids that must be shared with another object of the picture.
    """

    desc: str
    kind: Kind
    points: Points
    line: int = 0
    path: str = ""
    fault: Fault | None = None
    flags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """One picture. `image` and `file` (the one that annotates it) are relative to the root.

    `name` becomes the record's id. `size` is the stated width and height, None where the format
    states none. `split` is empty where the source names none for it.
    """

    name: str
    image: str | None
    file: str
    objects: tuple[Annotation, ...] = ()
    size: tuple[int, int] | None = None
    unit: Literal["pixels", "shares"] = "pixels"
    split: str = ""
    ticket: str = ""
    line: int = 0
    path: str = ""
    fault: Fault | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reject:
    """A part of an annotation file that belongs to no picture. `objects` are lost with it."""

    file: str
    line: int
    path: str
    fault: Fault
    objects: int = 1


@dataclass(frozen=True)
class Source:
    """Everything that a source holds.

    `splits` are those it names itself, in their order; `classes` the order of its classes where
    the format has one. `changed` counts objects that the format forced into another geometry,
    `left_out` objects that are skipped by an option; both are said in the report.
    """

    root: Path
    items: tuple[Item, ...]
    splits: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    rejects: tuple[Reject, ...] = ()
    changed: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    ticket_of: Callable[[str], str] | None = None
    """the format's own rule for the ticket of a picture's path, where the config gives none"""
    summary: Callable[[Sequence[str]], str] = text_summary
    """the summary of a picture's descriptions; raises DataError where they have none"""


def record_names(paths: Sequence[str]) -> list[str]:
    """An id for each picture path: its stem, or the whole path where a stem occurs twice.

    `a/b.jpg` becomes `b`, else `a__b`, so that ids stay unique and can be file names.
    """
    stems = Counter(PurePosixPath(path).stem for path in set(paths))
    return [_name(path, stems) for path in paths]


def _name(path: str, stems: Mapping[str, int]) -> str:
    pure = PurePosixPath(path)
    if stems[pure.stem] == 1:
        return pure.stem
    return "__".join(part for part in pure.with_suffix("").parts if part not in ("/", "."))


def used_splits(names: Sequence[str]) -> tuple[str, ...]:
    """The split names that occur: train, val and test first, then others by name."""
    used = set(names) - {""}
    known = [name for name in SPLIT_NAMES if name in used]
    return (*known, *sorted(used - set(known)))
