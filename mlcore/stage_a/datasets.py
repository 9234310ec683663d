"""Tickets from a dataset: its tickets.jsonl, else what the metadata of its records says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mlcore.contract.limits import check_limits
from mlcore.contract.reader import open_dataset
from mlcore.contract.records import Record
from mlcore.contract.ticket_list import TICKETS
from mlcore.errors import DataError
from mlcore.stage_a.config import DatasetSource
from mlcore.stage_a.group import Found, Group, Photo, once_each
from mlcore.stage_a.record import Label, label_of


def find_in_dataset(folder: Path, source: DatasetSource) -> Found:
    """The tickets of a split, in the order of tickets.jsonl, else in that of their first record.

    Only a ticket's name, label and records are read of tickets.jsonl, never its true label. Records
    without a ticket are told and left out. Raises DataError on a bad line, on an image over the
    cap, and where there is no ticket.
    """
    dataset = open_dataset(folder)
    records = dataset.split(source.split)
    check_limits(records, folder, source.max_pixels)
    path = folder / TICKETS
    listed = path.is_file()
    groups = _listed(path, records) if listed else _grouped(records, source.label_key)
    if not groups:
        raise DataError(
            f"no record of the split {source.split!r} belongs to a ticket",
            hint=f"A dataset names tickets in {TICKETS}, or as `ticket` and `{source.label_key}` "
            "in the metadata of its records.",
            where=str(folder),
        )
    about = {
        "dataset_name": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "tickets": TICKETS if listed else "metadata",
    }
    warnings = _left_out(records, groups)
    return Found(folder, tuple(once_each(groups)), about, dataset.name, warnings)


def _listed(path: Path, records: Sequence[Record]) -> list[Group]:
    """The tickets of the file that have a record in this split."""
    by_id = {record.id: record for record in records}
    groups = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"{path.name}:{number}"
        try:
            row = json.loads(line)
            name, label, ids = row["ticket"], row["label"], row["images"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"not a ticket: {error!r}", where=where) from error
        if not isinstance(ids, list) or not isinstance(name, str) or not name.strip():
            raise DataError("a ticket has a name and a list of images", where=where)
        ours = [by_id[id_] for id_ in ids if id_ in by_id]
        if ours:
            missing = len(ids) - len(ours)
            problem = f"{missing} of its {len(ids)} images are not in this split" if missing else ""
            groups.append(Group(name, label_of(label, where), _photos(ours), problem))
    return groups


def _grouped(records: Sequence[Record], label_key: str) -> list[Group]:
    """The tickets of the records' metadata. Records of one ticket that differ in their label are
    those of two tickets: a group may be handed in again."""
    found: dict[tuple[str, Label], list[Record]] = {}
    for record in records:
        name = record.metadata.get("ticket")
        if name is None:
            continue
        label = label_of(record.metadata.get(label_key), f"{record.id}: metadata.{label_key}")
        found.setdefault((str(name), label), []).append(record)
    return [Group(name, label, _photos(rows)) for (name, label), rows in found.items()]


def _photos(records: Sequence[Record]) -> tuple[Photo, ...]:
    """The images of records. A summary is true of an image only where it is the record's one."""
    return tuple(
        Photo(path, path, record.summary if len(record.images) == 1 else None)
        for record in records
        for path in record.images
    )


def _left_out(records: Sequence[Record], groups: Sequence[Group]) -> tuple[tuple[str, str], ...]:
    taken = {photo.path for group in groups for photo in group.photos}
    left = sum(not taken.issuperset(record.images) for record in records)
    if not left:
        return ()
    return (("record_without_ticket", f"{left} of {len(records)} records are of no ticket"),)
