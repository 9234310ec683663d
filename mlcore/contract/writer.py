"""Writing a dataset folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mlcore.contract.desc import class_of
from mlcore.contract.fingerprint import Fingerprint
from mlcore.contract.image_list import IMAGE_LIST, image_entry
from mlcore.contract.reader import MANIFEST, SCHEMA
from mlcore.contract.records import COORD_SPACE, CoordSpace, Record, record_line
from mlcore.errors import DataError, InfrastructureError
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REJECTS = "rejects.jsonl"
"""what was left out of a dataset, one JSON object a line"""


class DatasetWriter:
    """Writes images and records as they come, and dataset.json at the end.

    The folder counts as a dataset only once `finish` has written dataset.json. Every record is in
    the same coordinate space.
    """

    def __init__(self, folder: Path, name: str, splits: tuple[str, ...]) -> None:
        self.folder = folder
        self.name = name
        self._fingerprint = Fingerprint()
        self._image_hashes: dict[str, str] = {}
        self._image_bytes = 0
        self._space: CoordSpace | None = None
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
        self._rejects_file = (folder / REJECTS).open("w", encoding="utf-8")
        self._images_file = (folder / IMAGE_LIST).open("w", encoding="utf-8")

    def add_image(self, path: str, data: bytes, pixels: NDArray[np.uint8] | None = None) -> str:
        """Write an image's bytes at a path relative to the folder; returns their SHA-256.

        `pixels` are its RGB [H, W, 3] where they are at hand; else the bytes are decoded. Raises
        DataError for bytes that are no picture and for a path that was written before.
        """
        if path in self._image_hashes:
            raise DataError(f"the image {path} is written twice", where=path)
        entry = image_entry(path, data, pixels)
        target = self.folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        except OSError as error:
            raise InfrastructureError(f"cannot write {path}: {error}", where=path) from error
        self._images_file.write(entry.line() + "\n")
        self._image_hashes[path] = entry.sha256
        self._image_bytes += entry.bytes
        return entry.sha256

    def add(self, split: str, record: Record) -> None:
        """Append a record whose images were added.

        Raises DataError on a repeated id or a second coordinate space.
        """
        if record.id in self._ids:
            raise DataError(f"the id {record.id!r} occurs twice", where=record.id)
        self._ids.add(record.id)
        if self._space not in (None, record.coord_space):
            raise DataError(
                f"{record.id!r} is in {record.coord_space}, the records before in {self._space}",
                hint="Convert with mlcore.contract.spaces before writing.",
                where=record.id,
            )
        self._space = record.coord_space
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
        for file in (*self._files.values(), self._rejects_file, self._images_file):
            file.close()

    def finish(self, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Close the files and write dataset.json; returns it. `extra` adds keys of the maker."""
        self.close()
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "name": self.name,
            "coord_space": self._space or COORD_SPACE,
            "splits": {split: self._split_entry(split) for split in self._files},
            "images": {
                "file": IMAGE_LIST,
                "count": len(self._image_hashes),
                "bytes": self._image_bytes,
                "sha256": file_sha256(self.folder / IMAGE_LIST),
            },
            "classes": [
                {"name": name, "objects": n, "images": self._images_with[name]}
                for name, n in sorted(self._objects.items())
            ],
            "fingerprint": self._fingerprint.hexdigest(),
            "records_fingerprint": self._fingerprint.records_hexdigest(),
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
