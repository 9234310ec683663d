"""Finding and reading the files of a source, strictly and within limits."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlcore.contract.importers.source import IMAGE_SUFFIXES
from mlcore.errors import DataError

MAX_JSON_BYTES = 2 << 30
"""the largest annotation file that is read; LVIS's training file has 1.1 GB"""
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


def read_json(path: Path, root: Path) -> Any:
    """The JSON value of a file. Raises DataError when it is unreadable, too large or not JSON."""
    shown = path.relative_to(root).as_posix()
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise DataError(f"{shown} is larger than {MAX_JSON_BYTES:,} bytes", where=str(path))
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_refuse)
    except OSError as error:
        raise DataError(f"cannot read {shown}: {error.strerror}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{shown} is not JSON: {error}", where=str(path)) from error


def read_text(path: Path, root: Path) -> str:
    """The UTF-8 text of a file. Raises DataError when it cannot be read."""
    shown = path.relative_to(root).as_posix()
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {shown}: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{shown} is not UTF-8 text", where=str(path)) from error


def inside(root: Path, path: str) -> Path:
    """A path that the config or a source names, which must exist inside the root.

    Raises DataError when it is missing or leads outside, links followed.
    """
    full = root / path
    if not full.exists():
        raise DataError(f"the source has no {path}", where=str(full))
    if not full.resolve().is_relative_to(root.resolve()):
        raise DataError(f"{path} leads outside the source", where=str(full))
    return full


def split_word(*names: str) -> str:
    """The split that the first telling name tells: `instances_val2017` is val; empty for none."""
    for name in names:
        found = {SPLIT_WORDS[w] for w in re.findall(r"[a-z]+", name.lower()) if w in SPLIT_WORDS}
        if len(found) == 1:
            return found.pop()
    return ""


def find_picture(root: Path, folders: Sequence[Path], name: str) -> str | None:
    """The path, relative to the root, of a picture in the first folder that has it."""
    if not name or name.startswith("/") or "\\" in name or ".." in name.split("/"):
        return None
    for folder in folders:
        path = folder / name
        if path.is_file():
            return path.relative_to(root).as_posix()
    return None


def pictures_in(folder: Path) -> list[Path]:
    """Every JPEG and PNG below a folder, by path."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
