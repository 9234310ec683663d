"""Reading a dataset's blobs into rows that pages can filter and page through."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.catalog import blobs
from console.catalog.models import (
    DatasetRecord,
    DatasetRecordClass,
    DatasetReject,
    DatasetVersion,
)
from console.catalog.outputs import File, OutputError
from mlcore.contract.desc import class_of
from mlcore.contract.reader import MANIFEST, SCHEMAS, read_records
from mlcore.contract.records import Record, object_to_json
from mlcore.contract.spaces import in_pixels
from mlcore.errors import DataError

MAX_MANIFEST = 16 * 2**20
BATCH = 500


@dataclass
class DatasetContents:
    """A dataset as read from its blobs, before anything is written."""

    manifest: Mapping[str, Any]
    report: Mapping[str, Any]
    records: list[tuple[str, int, Record]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)


def read_contents(files: Sequence[File]) -> DatasetContents:
    """Read dataset.json, every split, rejects.jsonl and report.json.

    Raises OutputError when the tree is no dataset or a record names an image outside it.
    """
    hashes = {file["path"]: file["sha256"] for file in files}
    manifest = _json(hashes, MANIFEST)
    if manifest.get("schema") not in SCHEMAS or not isinstance(manifest.get("splits"), dict):
        known = " or ".join(SCHEMAS)
        raise OutputError("not_a_dataset", f"The output has no {MANIFEST} of schema {known}.")
    report = _json(hashes, "report.json") if "report.json" in hashes else {}
    contents = DatasetContents(manifest, report, hashes=hashes)
    for split, entry in manifest["splits"].items():
        contents.records += _read_split(split, str(entry["file"]), hashes)
    contents.rejects = list(_read_rejects(hashes))
    return contents


def _json(hashes: Mapping[str, str], path: str) -> dict[str, Any]:
    if path not in hashes:
        return {}
    try:
        value = json.loads(blobs.read_blob(hashes[path], MAX_MANIFEST))
    except ValueError as error:
        raise OutputError("not_a_dataset", f"{path} is not JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def _read_split(split: str, file: str, hashes: Mapping[str, str]) -> list[tuple[str, int, Record]]:
    if file not in hashes:
        raise OutputError("not_a_dataset", f"The split {split} has no file {file}.")
    try:
        lines = read_records(blobs.path_of(hashes[file]))
        records = [in_pixels(record) for record in lines]
    except DataError as error:
        raise OutputError("not_a_dataset", f"{split}: {error.message}") from error
    for record in records:
        if record.images[0] not in hashes:
            raise OutputError(
                "missing_image", f"{split}: {record.id} names {record.images[0]}: not there."
            )
    return [(split, index, record) for index, record in enumerate(records)]


def _read_rejects(hashes: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    if "rejects.jsonl" not in hashes:
        return
    with blobs.open_blob(hashes["rejects.jsonl"]) as file:
        for raw in file:
            try:
                row = json.loads(raw)
            except ValueError as error:
                raise OutputError("rejects", f"rejects.jsonl: {error}") from error
            if isinstance(row, dict):
                yield row


def write_rows(version: DatasetVersion, contents: DatasetContents) -> None:
    """Insert the rows of a version, in batches. Call inside a transaction."""
    rows = [_record_row(version, contents, *item) for item in contents.records]
    DatasetRecord.objects.bulk_create(rows, batch_size=BATCH)
    classes = []
    for row, (_split, _index, record) in zip(rows, contents.records, strict=True):
        counts = Counter(class_of(o.desc)[:120] for o in record.objects)
        classes += [
            DatasetRecordClass(record=row, class_name=name, count=count)
            for name, count in sorted(counts.items())
        ]
    DatasetRecordClass.objects.bulk_create(classes, batch_size=BATCH * 2)
    rejects = [_reject_row(version, row) for row in contents.rejects]
    DatasetReject.objects.bulk_create(rejects, batch_size=BATCH)


def _record_row(
    version: DatasetVersion, contents: DatasetContents, split: str, index: int, record: Record
) -> DatasetRecord:
    image = record.images[0]
    return DatasetRecord(
        version=version, split=split, index=index, record_id=record.id[:200], image_path=image,
        image_sha=contents.hashes[image], width=record.width, height=record.height,
        objects_json=[object_to_json(o) for o in record.objects],
        summary=record.summary or "", n_objects=len(record.objects),
    )


def _reject_row(version: DatasetVersion, row: Mapping[str, Any]) -> DatasetReject:
    place = f"{row.get('file', '')}:{row.get('line', 0)}"
    return DatasetReject(
        version=version, place=place[-500:], code=str(row.get("rule", ""))[:64],
        message=str(row.get("message", "")), detail=dict(row),
    )
