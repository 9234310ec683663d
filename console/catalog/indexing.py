"""Reading a dataset's blobs into rows that pages can filter and page through.

A dataset may have 100,000 records, so they stream: rows are written in batches, each in its own
short transaction, to a version that nobody sees until it is complete.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from console.catalog import blobs
from console.catalog.index_build import IndexBuilder, ids_of
from console.catalog.models import (
    DatasetColumn,
    DatasetFacet,
    DatasetGroup,
    DatasetRecord,
    DatasetReject,
    DatasetVersion,
)
from console.catalog.outputs import File, OutputError
from mlcore.contract.reader import MANIFEST, SCHEMAS, read_records
from mlcore.contract.records import Record, object_to_json
from mlcore.contract.spaces import in_pixels
from mlcore.errors import DataError

MAX_JSON = 64 * 2**20
BATCH = 1000
GROUP_BATCH = 200
LONG_LISTS = {"near_duplicates": "groups", "leakage": "images"}
"""lists of a report that grow with the dataset: they become rows"""
T = TypeVar("T")
Row = TypeVar("Row", bound=Model)


class WriterLostError(OutputError):
    """Another writer has taken over the version: this one must stop."""

    def __init__(self) -> None:
        super().__init__("indexing", "Another request is writing the rows of this dataset.")
        self.status_code = 503
        self.headers = {"Retry-After": "2"}


@dataclass
class DatasetPlan:
    """What is known of a dataset before its records are read. `hashes` is {path: sha256}."""

    manifest: Mapping[str, Any]
    report: dict[str, Any]
    hashes: Mapping[str, str]
    splits: dict[str, str] = field(default_factory=dict)
    """split -> its file, in the order of the manifest"""


def read_plan(files: Sequence[File]) -> DatasetPlan:
    """Read dataset.json and report.json. Raises OutputError when the tree is no dataset."""
    hashes = {file["path"]: file["sha256"] for file in files}
    manifest = _json(hashes, MANIFEST)
    if manifest.get("schema") not in SCHEMAS or not isinstance(manifest.get("splits"), dict):
        known = " or ".join(SCHEMAS)
        raise OutputError("not_a_dataset", f"The output has no {MANIFEST} of schema {known}.")
    plan = DatasetPlan(manifest, _json(hashes, "report.json"), hashes)
    for split, entry in manifest["splits"].items():
        file = str(entry["file"])
        if file not in hashes:
            raise OutputError("not_a_dataset", f"The split {split} has no file {file}.")
        plan.splits[split] = file
    return plan


def _json(hashes: Mapping[str, str], path: str) -> dict[str, Any]:
    if path not in hashes:
        return {}
    try:
        value = json.loads(blobs.read_blob(hashes[path], MAX_JSON))
    except ValueError as error:
        raise OutputError("not_a_dataset", f"{path} is not JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def write_rows(version: DatasetVersion, plan: DatasetPlan, writer: str) -> dict[str, Any]:
    """Write every row of a version; returns the fields that are known once all are read.

    Not inside a transaction. Rows that an earlier writer left are removed first. Raises OutputError
    for a bad line or an image that is not in the tree, WriterLostError when another has taken over.
    """
    forget_rows(version, writer)
    near, leaked = _groups(plan.report, "near_duplicates"), _groups(plan.report, "leakage")
    builder = IndexBuilder(plan.splits, ids_of(near), ids_of(leaked))
    try:
        for batch in _batches(_records(plan), BATCH):
            rows = [_record_row(version, plan, builder, *item) for item in batch]
            _write(version, writer, rows)
    except DataError as error:
        raise OutputError("not_a_dataset", error.message) from error
    rejects = 0
    for found in _batches(_read_rejects(plan.hashes), BATCH):
        rejects += len(found)
        _write(version, writer, [_reject_row(version, row) for row in found])
    for groups in _batches(_group_rows(version, plan.report), GROUP_BATCH):
        _write(version, writer, groups)
    for facets in _batches(builder.facets(), GROUP_BATCH):
        _write(version, writer, [DatasetFacet(version=version, **row) for row in facets])
    for name, data in builder.columns():
        _write(version, writer, [DatasetColumn(version=version, name=name, data=data)])
    return {
        "n_records": builder.count, "n_objects": builder.objects,
        "n_rejects": int(plan.manifest.get("rejects", rejects)),
        "report": short_report(plan.report),
    }


def forget_rows(version: DatasetVersion, writer: str) -> None:
    """Remove the rows of a version in batches. Raises WriterLostError."""
    for table in (DatasetRecord, DatasetReject, DatasetGroup, DatasetFacet, DatasetColumn):
        rows = table._default_manager.filter(version=version)
        while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
            with transaction.atomic():
                hold_writer(version, writer)
                table._default_manager.filter(pk__in=keys).delete()


def hold_writer(version: DatasetVersion, writer: str) -> None:
    """Say that this writer is alive. Raises WriterLostError when it is not the writer any more."""
    held = DatasetVersion.everything.filter(pk=version.pk, writer=writer, ready=False)
    if not held.update(writing_since=timezone.now()):
        raise WriterLostError


def _write(version: DatasetVersion, writer: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    with transaction.atomic():
        hold_writer(version, writer)
        type(rows[0])._default_manager.bulk_create(rows, batch_size=250)


def _records(plan: DatasetPlan) -> Iterator[tuple[str, int, Record]]:
    for split, file in plan.splits.items():
        try:
            for index, record in enumerate(read_records(blobs.path_of(plan.hashes[file]))):
                absent = [path for path in record.images if path not in plan.hashes]
                if absent:
                    raise OutputError(
                        "missing_image", f"{split}: {record.id} names {absent[0]}: not there."
                    )
                yield split, index, record
        except DataError as error:
            raise OutputError("not_a_dataset", f"{split}: {error.message}") from error


def _record_row(
    version: DatasetVersion, plan: DatasetPlan, builder: IndexBuilder, split: str, index: int,
    record: Record,
) -> DatasetRecord:
    hashes = [plan.hashes[path] for path in record.images]
    shown = in_pixels(record)
    place = builder.count
    builder.add(split, record, hashes)
    return DatasetRecord(
        version=version, place=place, split=split[:32], index=index, record_id=record.id[:200],
        image_path=record.images[0], image_sha=hashes[0], width=record.width,
        height=record.height, objects_json=[object_to_json(o) for o in shown.objects],
        summary=record.summary or "", n_objects=len(record.objects),
    )


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


def _reject_row(version: DatasetVersion, row: Mapping[str, Any]) -> DatasetReject:
    place = f"{row.get('file', '')}:{row.get('line', 0)}"
    return DatasetReject(
        version=version, place=place[-500:], code=str(row.get("rule", ""))[:64],
        message=str(row.get("message", "")), detail=dict(row),
    )


def _groups(report: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The groups of images under a key of a report, [] in a report that does not have them."""
    found = report.get(key)
    rows = found.get(LONG_LISTS[key]) if isinstance(found, dict) else None
    return [
        row for row in rows or ()
        if isinstance(row, dict) and isinstance(row.get("images"), list)
        and all(isinstance(image, dict) for image in row["images"])
    ]


def _group_rows(version: DatasetVersion, report: Mapping[str, Any]) -> Iterator[DatasetGroup]:
    near = sorted(_groups(report, "near_duplicates"), key=lambda g: not g.get("across_splits"))
    for order, group in enumerate(near):
        yield DatasetGroup(
            version=version, kind=DatasetGroup.Kind.NEAR, order=order, images=group["images"],
            across_splits=bool(group.get("across_splits")),
        )
    for order, group in enumerate(_groups(report, "leakage")):
        yield DatasetGroup(
            version=version, kind=DatasetGroup.Kind.LEAK, order=order, across_splits=True,
            name=str(group.get("sha256", ""))[:200], images=group["images"],
        )
    leakage = report.get("leakage")
    tickets = leakage.get("tickets") if isinstance(leakage, dict) else None
    for order, row in enumerate(tickets or ()):
        yield DatasetGroup(
            version=version, kind=DatasetGroup.Kind.TICKET, order=order, across_splits=True,
            name=str(row.get("ticket", ""))[:200],
            images=[{"split": str(split)} for split in row.get("splits", ())],
        )


def short_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with its long lists replaced by how many they hold."""
    out = dict(report)
    near, leakage = out.get("near_duplicates"), out.get("leakage")
    if isinstance(near, dict):
        groups = _groups(report, "near_duplicates")
        out["near_duplicates"] = {
            **near, "groups": int(near.get("total_groups", len(groups))), "listed": len(groups),
            "across_splits": sum(bool(g.get("across_splits")) for g in groups),
            "images": int(near.get("total_images", sum(len(g["images"]) for g in groups))),
        }
    if isinstance(leakage, dict):
        out["leakage"] = {
            **leakage, "images": len(_groups(report, "leakage")),
            "tickets": len(leakage.get("tickets") or ()),
        }
    return out


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
