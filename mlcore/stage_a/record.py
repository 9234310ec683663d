"""The record of Stage-A: one ticket with the summary of each of its images.

    {"group_id", "mission", "label", "images": [name], "per_image": {"image_1": summary, ...}}

One line of `stage_a.jsonl` each, in the order in which the tickets were found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlcore.errors import DataError
from mlcore.near import did_you_mean

SCHEMA = "stage_a/1"
FILE = "stage_a.jsonl"
KEYS = ("group_id", "mission", "label", "images", "per_image")
OPTIONAL = ("label_source", "label_timestamp")
Label = Literal["pass", "fail"]


@dataclass(frozen=True)
class StageARecord:
    """`summaries[i]` is of `images[i]`; every one has a word in it."""

    group_id: str
    mission: str
    label: Label
    images: tuple[str, ...]
    summaries: tuple[str, ...]
    label_source: str = "human"
    label_timestamp: str = ""

    @property
    def ticket_key(self) -> str:
        return f"{self.group_id}::{self.label}"

    def to_json(self) -> dict[str, Any]:
        """The line's object; the two optional keys only where they say something."""
        out: dict[str, Any] = {
            "group_id": self.group_id,
            "mission": self.mission,
            "label": self.label,
            "images": list(self.images),
            "per_image": {f"image_{i}": text for i, text in enumerate(self.summaries, start=1)},
        }
        if self.label_source != "human":
            out["label_source"] = self.label_source
        if self.label_timestamp:
            out["label_timestamp"] = self.label_timestamp
        return out


def parse_stage_a(value: object, where: str) -> StageARecord:
    """A record from its object, strictly. Raises DataError naming `where` and the key.

    `per_image` has exactly the keys image_1..image_n, in any order, n being the number of images;
    `label` may be written in capitals.
    """
    if not isinstance(value, dict):
        raise DataError("a record is an object", where=where)
    for key in value:
        if key not in KEYS + OPTIONAL:
            raise DataError(
                f"a record has no key {key!r}", hint=did_you_mean(key, KEYS), where=where
            )
    missing = [key for key in KEYS if key not in value]
    if missing:
        raise DataError(f"the key {missing[0]} is missing", where=where)
    texts = {key: _text(value[key], f"{where}: {key}") for key in ("group_id", "mission", "label")}
    images = _images(value["images"], f"{where}: images")
    return StageARecord(
        texts["group_id"],
        texts["mission"],
        label_of(texts["label"], f"{where}: label"),
        images,
        _summaries(value["per_image"], len(images), f"{where}: per_image"),
        _text(value.get("label_source", "human"), f"{where}: label_source"),
        str(value.get("label_timestamp", "")),
    )


def read_stage_a(path: Path) -> Iterator[StageARecord]:
    """Every record of a file, or of the `stage_a.jsonl` of a folder.

    Raises DataError naming file:line for the first bad line, and where a ticket occurs twice.
    """
    file = path / FILE if path.is_dir() else path
    seen: set[str] = set()
    try:
        lines = file.open(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}", where=str(file)) from error
    with lines:
        for number, line in enumerate(lines, start=1):
            where = f"{file.name}:{number}"
            try:
                value = json.loads(line)
            except ValueError as error:
                raise DataError(f"not JSON: {error}", where=where) from error
            record = parse_stage_a(value, where)
            if record.ticket_key in seen:
                raise DataError(f"the ticket {record.ticket_key} occurs twice", where=where)
            seen.add(record.ticket_key)
            yield record


def label_of(value: object, where: str) -> Label:
    """`pass` or `fail`, written in any case. Raises DataError naming `where` for anything else."""
    lowered = value.lower() if isinstance(value, str) else None
    if lowered == "pass":
        return "pass"
    if lowered == "fail":
        return "fail"
    raise DataError(f"label is pass or fail, not {value!r}", where=where)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError("must be text that is not blank", where=where)
    return value


def _images(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise DataError("must be a list with at least one name", where=where)
    names = tuple(_text(name, where) for name in value)
    if len(set(names)) < len(names):
        raise DataError("an image is named twice", where=where)
    return names


def _summaries(value: object, images: int, where: str) -> tuple[str, ...]:
    if not isinstance(value, dict):
        raise DataError("must be an object of image_1..image_n", where=where)
    wanted = [f"image_{i}" for i in range(1, images + 1)]
    odd = sorted(set(value) ^ set(wanted))
    if odd:
        word = "unknown" if odd[0] in value else "missing"
        raise DataError(f"{odd[0]} is {word}; there are {images} images", where=where)
    return tuple(_text(value[key], f"{where}.{key}") for key in wanted)
