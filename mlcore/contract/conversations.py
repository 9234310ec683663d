"""Conversations beside the records of a dataset: chat-only samples, without geometry.

dataset.json names each list under `conversations`: {NAME: {"file", "records", "sha256"}}. A line
is {"id", "messages": [...]}; images that a message names lie below the dataset's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlcore.contract.reader import Dataset
from mlcore.errors import DataError
from mlcore.near import did_you_mean
from mlcore.run.hashing import file_sha256

CONVERSATIONS = "conversations"
"""the key of dataset.json"""


def write_conversations(
    folder: Path, name: str, rows: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Write NAME.jsonl into a dataset's folder; returns what dataset.json says of it."""
    path = folder / f"{name}.jsonl"
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
    return {"file": path.name, "records": count, "sha256": file_sha256(path)}


def conversations_entry(dataset: Dataset, name: str) -> tuple[Path, int]:
    """The file of a list and how many conversations it holds.

    Raises DataError where the dataset has no such list.
    """
    known = dataset.manifest.get(CONVERSATIONS)
    entry = known.get(name) if isinstance(known, dict) else None
    if not isinstance(entry, dict) or type(entry.get("records")) is not int:
        raise DataError(
            f"the dataset {dataset.name} has no conversations {name!r}",
            hint=did_you_mean(name, known if isinstance(known, dict) else {})
            or f"dataset.json names them under {CONVERSATIONS!r}.",
            where=str(dataset.folder),
        )
    return dataset.folder / str(entry["file"]), entry["records"]


def require_unchanged(dataset: Dataset, name: str) -> str:
    """The SHA-256 of a list. Raises DataError where its file is not the one that was written."""
    path, _ = conversations_entry(dataset, name)
    wanted = dataset.manifest[CONVERSATIONS][name].get("sha256")
    try:
        found = file_sha256(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", where=str(path)) from error
    if found != wanted:
        raise DataError(
            f"{path.name} is not the file that dataset.json names",
            hint="It was changed after it was made: make the dataset again.",
            where=str(path),
        )
    return found
