"""Whether dataset.json and images.jsonl say what is in the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlcore.contract.check_run import Check
from mlcore.contract.image_list import IMAGE_LIST, ImageEntry
from mlcore.contract.reader import MANIFEST, Dataset
from mlcore.contract.ticket_list import TICKETS
from mlcore.errors import Problem
from mlcore.run.hashing import file_sha256


def differences(
    dataset: Dataset, result: Check, listed: Mapping[str, ImageEntry] | None
) -> Iterator[Problem]:
    """Everything in which the folder is not what its manifest and image list say.

    `result` is the check of its content, `listed` the entries of images.jsonl by path. What the
    check rejected is not in the counts, so those are compared only where nothing was.
    """
    for split, entry in dataset.manifest["splits"].items():
        yield from _split(dataset, split, entry, result)
    if not result.rejected:
        yield from _content(dataset, result)
    yield from _images(dataset, listed)
    yield from _tickets(dataset)


def _split(
    dataset: Dataset, split: str, entry: Mapping[str, object], result: Check
) -> Iterator[Problem]:
    file = dataset.split_file(split)
    digest = file_sha256(file)
    if entry.get("sha256") != digest:
        stated = str(entry.get("sha256"))
        message = f"{file.name} has SHA-256 {digest[:16]}…, not {stated[:16]}…"
        yield _differs("dataset.split", f"splits.{split}.sha256", message)
    lines = result.splits[split]["records"]
    if entry.get("records") != lines:
        message = f"{file.name} has {lines} lines, not {entry.get('records')}"
        yield _differs("dataset.records", f"splits.{split}.records", message)


def _content(dataset: Dataset, result: Check) -> Iterator[Problem]:
    manifest = dataset.manifest
    stated = {
        str(row.get("name")): {"objects": row.get("objects"), "images": row.get("images")}
        for row in manifest.get("classes", [])
    }
    for name in sorted(set(stated) | set(result.classes)):
        if stated.get(name) != result.classes.get(name):
            message = f"{name} has {result.classes.get(name)}, not {stated.get(name)}"
            yield _differs("dataset.classes", "classes", message)
    if result.spaces and result.spaces != {manifest.get("coord_space")}:
        message = f"is {manifest.get('coord_space')}, records are in {sorted(result.spaces)}"
        yield _differs("dataset.space", "coord_space", message)
    found = {"records_fingerprint": result.records_fingerprint}
    if result.images == "full":
        found["fingerprint"] = result.fingerprint
    for key, digest in found.items():
        if key in manifest and manifest[key] != digest:
            message = f"the content has {digest[:16]}…, not {str(manifest[key])[:16]}…"
            yield _differs("dataset.fingerprint", key, message)


def _images(dataset: Dataset, listed: Mapping[str, ImageEntry] | None) -> Iterator[Problem]:
    stated = dataset.manifest.get("images")
    if stated is None and listed is None:
        return
    if listed is None:
        yield _differs("dataset.images", "images", f"there is no {IMAGE_LIST}")
        return
    facts = {
        "count": len(listed),
        "bytes": sum(entry.bytes for entry in listed.values()),
        "sha256": file_sha256(dataset.folder / IMAGE_LIST),
    }
    for key, value in facts.items():
        said = stated.get(key) if isinstance(stated, Mapping) else None
        if said != value:
            yield _differs("dataset.images", f"images.{key}", f"is {value}, not {said}")
    sizes = _files(dataset.folder)
    for path, entry in listed.items():
        size = sizes.pop(path, None)
        if size is None:
            yield _differs("dataset.images", "images", f"{path} is listed and not there")
        elif size != entry.bytes:
            message = f"{path} has {size:,} bytes, not {entry.bytes:,}"
            yield _differs("dataset.images", "images", message)
    for path in sorted(sizes):
        yield _differs("dataset.images", "images", f"{path} is there and not listed")


def _tickets(dataset: Dataset) -> Iterator[Problem]:
    """A manifest that names the labels of tickets is held to them."""
    stated = dataset.manifest.get("tickets")
    if not isinstance(stated, Mapping):
        return
    path = dataset.folder / TICKETS
    digest = file_sha256(path) if path.is_file() else "no file"
    if stated.get("sha256") != digest:
        message = f"{TICKETS} has SHA-256 {digest[:16]}…, not {str(stated.get('sha256'))[:16]}…"
        yield _differs("dataset.tickets", "tickets.sha256", message)


def _files(folder: Path) -> dict[str, int]:
    """Bytes of every file below images/, by its path relative to the folder."""
    found = {}
    for base, _folders, names in os.walk(folder / "images"):
        for name in names:
            path = Path(base) / name
            found[path.relative_to(folder).as_posix()] = path.stat().st_size
    return found


def _differs(rule: str, path: str, message: str) -> Problem:
    return Problem(MANIFEST, 0, 0, path, message, rule)
