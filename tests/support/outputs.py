"""Outputs of runs as the host would upload them: blobs first, then the list of files."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from console.accounts.models import Project
from console.catalog import blobs
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.writer import DatasetWriter
from mlcore.run.hashing import FileEntry, tree_digest, tree_entries


@dataclass
class FakeRun:
    """What registering an output reads of a run."""

    uid: str
    name: str
    project: Project


@dataclass
class Uploaded:
    """A tree whose blobs are in the store."""

    digest: str
    files: list[dict[str, Any]]


def upload(files: Mapping[str, bytes]) -> Uploaded:
    """Put the bytes into the blob store and describe them as a host does."""
    entries = []
    for path, data in files.items():
        blob = blobs.put_bytes(data)
        entries.append(FileEntry(path, blob.sha256, len(data)))
    return _described(entries)


def upload_folder(folder: Path) -> Uploaded:
    entries = tree_entries(folder)
    for entry in entries:
        blobs.put(entry.sha256, [(folder / entry.path).read_bytes()])
    return _described(entries)


def _described(entries: list[FileEntry]) -> Uploaded:
    rows = [{"path": e.path, "sha256": e.sha256, "size": e.size} for e in entries]
    return Uploaded(tree_digest(entries), rows)


def picture(width: int = 64, height: int = 48, color: str = "red", format_: str = "PNG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), color).save(out, format_)
    return out.getvalue()


def make_dataset(folder: Path, n_train: int = 3, n_val: int = 2) -> Path:
    """Record i of a split has i objects: screws, and a label on every odd record."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = DatasetWriter(folder, "cabinets", ("train", "val"))
    for split, count in (("train", n_train), ("val", n_val)):
        for i in range(count):
            path = f"images/{split}-{i}.png"
            writer.add_image(path, picture(color=f"#{i:02x}80{len(split):02x}"))
            writer.add(split, _record(f"{split}-{i}", path, i))
    writer.reject({"file": "a.xml", "line": 7, "rule": "image.missing", "message": "not there"})
    writer.finish()
    (folder / "report.json").write_text(json.dumps({"headline": {}}))
    return folder


def _record(name: str, path: str, n: int) -> Record:
    desc = "类别=螺丝,符合性=符合"
    objects = [SceneObject(desc, "bbox_2d", (1, 2, 10 + i, 20)) for i in range(n)]
    if n % 2:
        objects[-1] = SceneObject("类别=标签", "poly", (1, 1, 9, 1, 9, 9, 1, 9))
    return Record(name, (path,), 64, 48, "pixel", tuple(objects), f"{n} objects")
