"""Writing a dataset folder, and the fingerprint that names its content."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from mlcore.contract.desc import class_of
from mlcore.contract.reader import MANIFEST, SCHEMA
from mlcore.contract.records import COORD_SPACE, Record, record_line
from mlcore.errors import DataError, InfrastructureError
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256


class Fingerprint:
    """SHA-256 over the record lines and image hashes of every split.

    Per split: each line, a newline, then the SHA-256 of each of its images and a newline. Over
    all: `split digest` lines, sorted by split name. Neither names nor dates of files count.
    """

    def __init__(self) -> None:
        self._splits: dict[str, Any] = {}

    def add(self, split: str, line: str, image_hashes: list[str]) -> None:
        digest = self._splits.setdefault(split, hashlib.sha256())
        digest.update(f"{line}\n{' '.join(image_hashes)}\n".encode())

    def hexdigest(self) -> str:
        rows = [f"{name} {digest.hexdigest()}" for name, digest in sorted(self._splits.items())]
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


class DatasetWriter:
    """Writes images and records as they come, and dataset.json at the end.

    The folder counts as a dataset only once `finish` has written dataset.json.
    """

    def __init__(self, folder: Path, name: str, splits: tuple[str, ...]) -> None:
        self.folder = folder
        self.name = name
        self._fingerprint = Fingerprint()
        self._image_hashes: dict[str, str] = {}
        self._counts: Counter[str] = Counter(dict.fromkeys(splits, 0))
        self._objects: Counter[str] = Counter()
        self._images_with: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._rejects = 0
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        self._files: dict[str, TextIO] = {
            split: (folder / f"{split}.jsonl").open("w", encoding="utf-8") for split in splits
        }
        self._rejects_file = (folder / "rejects.jsonl").open("w", encoding="utf-8")

    def add_image(self, path: str, data: bytes) -> str:
        """Write an image's bytes at a path relative to the folder; returns their SHA-256."""
        try:
            (self.folder / path).write_bytes(data)
        except OSError as error:
            raise InfrastructureError(f"cannot write {path}: {error}", where=path) from error
        digest = hashlib.sha256(data).hexdigest()
        self._image_hashes[path] = digest
        return digest

    def add(self, split: str, record: Record) -> None:
        """Append a record whose images were added. Raises DataError on a repeated id."""
        if record.id in self._ids:
            raise DataError(f"the id {record.id!r} occurs twice", where=record.id)
        self._ids.add(record.id)
        line = record_line(record)
        self._files[split].write(line + "\n")
        self._fingerprint.add(split, line, [self._image_hashes[path] for path in record.images])
        self._counts[split] += 1
        classes = [class_of(o.desc) for o in record.objects]
        self._objects.update(classes)
        self._images_with.update(set(classes))

    def reject(self, row: Mapping[str, Any]) -> None:
        """Append a row to rejects.jsonl: {file, line, path, rule, message, ...}."""
        self._rejects += 1
        self._rejects_file.write(json.dumps(dict(row), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the files. Without `finish` the folder is not a dataset, its rejects readable."""
        for file in (*self._files.values(), self._rejects_file):
            file.close()

    def finish(self, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Close the files and write dataset.json; returns it. `extra` adds keys of the maker."""
        self.close()
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "name": self.name,
            "coord_space": COORD_SPACE,
            "splits": {split: self._split_entry(split) for split in self._files},
            "classes": [
                {"name": name, "objects": n, "images": self._images_with[name]}
                for name, n in sorted(self._objects.items())
            ],
            "fingerprint": self._fingerprint.hexdigest(),
            "rejects": self._rejects,
            **(extra or {}),
        }
        write_json(self.folder / MANIFEST, manifest)
        return manifest

    def _split_entry(self, split: str) -> dict[str, Any]:
        file = f"{split}.jsonl"
        return {
            "file": file,
            "records": self._counts[split],
            "sha256": file_sha256(self.folder / file),
        }
