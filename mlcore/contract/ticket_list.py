"""tickets.jsonl of a dataset: the tickets that its records belong to, with their labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.contract.reader import Dataset, read_records
from mlcore.errors import DataError

TICKETS = "tickets.jsonl"
LABELS = ("pass", "fail")


@dataclass(frozen=True)
class TicketLine:
    """A ticket: `row` is its line as it stands, with keys that only its maker knows."""

    name: str
    label: str
    row: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What Stage-B and the review queue call it."""
        return f"{self.name}::{self.label}"

    def line(self, label: str) -> str:
        """The line of tickets.jsonl with another label, without its newline."""
        return json.dumps({**self.row, "label": label}, ensure_ascii=False)


def tickets_of(dataset: Dataset, label_key: str) -> list[TicketLine]:
    """The tickets of tickets.jsonl in its order, else those that the metadata of records names.

    Raises DataError on a bad line, a label that is neither pass nor fail, and where there is no
    ticket.
    """
    path = dataset.folder / TICKETS
    found = list(_listed(path)) if path.is_file() else _of_metadata(dataset, label_key)
    if not found:
        raise DataError(
            f"no record of {dataset.name} belongs to a ticket",
            hint=f"A dataset names tickets in {TICKETS}, or as `ticket` and `{label_key}` in the "
            "metadata of its records.",
            where=str(dataset.folder),
        )
    return found


def _listed(path: Path) -> Iterator[TicketLine]:
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"{path.name}:{number}"
        try:
            row = json.loads(text)
        except ValueError as error:
            raise DataError(f"not a ticket: {error!r}", where=where) from error
        yield ticket_line(row, where)


def ticket_line(row: Any, where: str) -> TicketLine:
    """A ticket from its object. Raises DataError naming `where`."""
    try:
        name, label = row["ticket"], row["label"]
    except (KeyError, TypeError) as error:
        raise DataError(f"not a ticket: {error!r}", where=where) from error
    return TicketLine(str(name), _label(label, where), row)


def _of_metadata(dataset: Dataset, label_key: str) -> list[TicketLine]:
    files = [dataset.split_file(split) for split in dataset.splits]
    records = (record for file in files for record in read_records(file))
    return grouped(((record.id, record.metadata) for record in records), label_key)


def grouped(records: Iterable[tuple[str, Mapping[str, Any]]], label_key: str) -> list[TicketLine]:
    """Tickets from (id, metadata) of records. Those of one ticket that differ in their label are of
    two: a group may be handed in again. Raises DataError for a label that is none."""
    images: dict[tuple[str, str], list[str]] = {}
    for id_, metadata in records:
        name = metadata.get("ticket")
        if name is not None:
            label = _label(metadata.get(label_key), f"{id_}: metadata.{label_key}")
            images.setdefault((str(name), label), []).append(id_)
    return [
        TicketLine(name, label, {"ticket": name, "label": label, "images": ids})
        for (name, label), ids in images.items()
    ]


def _label(value: object, where: str) -> str:
    label = value.lower() if isinstance(value, str) else value
    if label not in LABELS:
        raise DataError(f"the label {value!r} is neither pass nor fail", where=where)
    return str(label)
