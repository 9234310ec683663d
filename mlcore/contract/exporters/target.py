"""What every export needs: where files go, which labels there are, what was not held."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlcore.contract.importers.labels import split_desc
from mlcore.contract.records import Record, SceneObject


@dataclass
class Held:
    """What a format could hold of the objects, and what became of the rest."""

    objects: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    """objects written as another geometry or rounded, by reason"""
    left_out: Counter[str] = field(default_factory=Counter)
    """objects that the format has no geometry for, by kind"""


@dataclass(frozen=True)
class Labels:
    """Every label of the dataset in the order of its classes."""

    names: tuple[str, ...]

    def place(self, name: str) -> int:
        """The place of a label, from 0."""
        return self.names.index(name)


class Target(Protocol):
    """One format. Paths are relative to the export's folder."""

    def picture(self, split: str, name: str) -> str:
        """Where a picture of this file name goes."""

    def add(self, split: str, name: str, record: Record) -> None:
        """Take in a record whose picture has this file name. Coordinates are pixels."""

    def finish(self) -> None:
        """Write what is written at the end."""


def label_of(item: SceneObject) -> tuple[str, dict[str, str]]:
    """The label and attributes of an object."""
    return split_desc(item.desc)


def write_json_file(path: Path, value: Any) -> None:
    """JSON in one line, the same bytes for the same value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Lines of text, each with a newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def plain(value: float) -> float | int:
    """A whole number without its `.0`."""
    return int(value) if float(value).is_integer() else value
