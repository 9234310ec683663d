"""The fingerprints that name a dataset's content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any


class Fingerprint:
    """SHA-256 over the record lines and image hashes of every split.

    Per split: each line, a newline, then the SHA-256 of each of its images and a newline. Over
    all: `split digest` lines, sorted by split name. Neither names nor dates of files count.
    `records_hexdigest` is the same without the images: each line and a newline.
    """

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}
        self._records: dict[str, Any] = {}

    def add(self, split: str, line: str, image_hashes: Sequence[str]) -> None:
        """Add a record's canonical line and the hashes of its images, in file order."""
        self.add_line(split, line)
        whole = self._whole.setdefault(split, hashlib.sha256())
        whole.update(f"{line}\n{' '.join(image_hashes)}\n".encode())

    def add_line(self, split: str, line: str) -> None:
        """Add a record's canonical line alone, where its images are not read."""
        records = self._records.setdefault(split, hashlib.sha256())
        records.update(f"{line}\n".encode())

    def hexdigest(self) -> str:
        """Over records and images."""
        return _over_splits(self._whole)

    def records_hexdigest(self) -> str:
        """Over records alone."""
        return _over_splits(self._records)


def _over_splits(digests: Mapping[str, Any]) -> str:
    rows = [f"{name} {digest.hexdigest()}" for name, digest in sorted(digests.items())]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
