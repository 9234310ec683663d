"""SHA-256 of files and trees: how inputs and outputs are named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileEntry:
    """One file of a tree. `path` is relative with forward slashes; size in bytes."""

    path: str
    sha256: str
    size: int


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_entries(folder: Path) -> list[FileEntry]:
    """Every regular file below a folder, sorted by path. Links are refused by assertion."""
    entries = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        assert not path.is_symlink(), path
        name = path.relative_to(folder).as_posix()
        entries.append(FileEntry(name, file_sha256(path), path.stat().st_size))
    return sorted(entries, key=lambda entry: entry.path)


def tree_listing(entries: Sequence[FileEntry]) -> bytes:
    """The canonical JSON of a tree's entries, sorted by path, as UTF-8."""
    rows = [asdict(entry) for entry in sorted(entries, key=lambda entry: entry.path)]
    return json.dumps(rows, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def tree_digest(entries: Sequence[FileEntry]) -> str:
    """The digest of a tree: SHA-256 of its listing. So a listing is stored under the digest."""
    return hashlib.sha256(tree_listing(entries)).hexdigest()
