"""What changed between two versions of a dataset: records added, removed, changed.

Records are the same by id. Versions carry 64 bits of every id and of every record's content
(`index_build.COLUMNS`), so two versions of 100,000 records are compared in milliseconds; which
fields of a changed record differ is read from its two rows when they are shown.
"""
from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext_noop

from console.catalog.browse import Places, bad_parameter, index_of, rows_at
from console.catalog.models import DatasetRecord, DatasetVersion

CHANGES = ("added", "removed", "changed")
FIELDS = {
    "objects": gettext_noop("objects"), "image": gettext_noop("image"),
    "path": gettext_noop("image path"), "size": gettext_noop("size"),
    "summary": gettext_noop("summary"), "split": gettext_noop("split"),
    "other": gettext_noop("metadata or a further image"),
}
"""what may differ in a record that both versions have; in words for people"""
BATCH = 500


@dataclass(frozen=True)
class VersionDiff:
    """Places of the records: `added` in the new version, `removed` in the old one; `old[i]` and
    `new[i]` are the two places of changed record i. All ascend by the version that is shown."""

    added: Places
    removed: Places
    old: Places
    new: Places
    same: int

    def counts(self) -> dict[str, int]:
        return {
            "added": len(self.added), "removed": len(self.removed), "changed": len(self.new),
            "same": self.same,
        }

    def places(self, change: str) -> Places:
        """What a list of that change pages through. Raises ApiProblem 400 for an unknown one."""
        if change not in CHANGES:
            known = ", ".join(CHANGES)
            raise bad_parameter("change", f"change is one of {known}.")
        return {"added": self.added, "removed": self.removed, "changed": self.new}[change]


@dataclass(frozen=True)
class RecordChange:
    """One record as it was and as it is; None where a version does not have it."""

    old: DatasetRecord | None
    new: DatasetRecord | None

    @property
    def id(self) -> str:
        row = self.new or self.old
        assert row is not None
        return row.record_id

    @property
    def fields(self) -> list[str]:
        """The names in FIELDS that differ; empty for an added or removed record."""
        if self.old is None or self.new is None:
            return []
        pairs = {
            "objects": [row.objects_json for row in (self.old, self.new)],
            "image": [row.image_sha for row in (self.old, self.new)],
            "path": [row.image_path for row in (self.old, self.new)],
            "size": [(row.width, row.height) for row in (self.old, self.new)],
            "summary": [row.summary for row in (self.old, self.new)],
            "split": [row.split for row in (self.old, self.new)],
        }
        return [name for name, (a, b) in pairs.items() if a != b] or ["other"]


def diff(old: DatasetVersion, new: DatasetVersion) -> VersionDiff:
    """Compare two versions of a dataset; remembered, as neither ever changes."""
    return _diff(_Key(old), _Key(new))


class _Key:
    """A version as a key of a cache."""

    def __init__(self, version: DatasetVersion) -> None:
        self.version = version
        self._key = (version.pk, version.digest, version.n_records, version.created)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._key == other._key


@functools.lru_cache(16)
def _diff(old: _Key, new: _Key) -> VersionDiff:
    a, b = index_of(old.version), index_of(new.version)
    ids_a, ids_b = a.columns["id"], b.columns["id"]
    _common, in_a, in_b = np.intersect1d(ids_a, ids_b, assume_unique=True, return_indices=True)
    differs = a.columns["digest"][in_a] != b.columns["digest"][in_b]
    order = np.argsort(in_b[differs], kind="stable")
    return VersionDiff(
        added=_others(len(ids_b), in_b), removed=_others(len(ids_a), in_a),
        old=in_a[differs][order], new=in_b[differs][order], same=int((~differs).sum()),
    )


def _others(count: int, places: Places) -> Places:
    keep = np.ones(count, bool)
    keep[places] = False
    return np.flatnonzero(keep)


def changes_at(
    old: DatasetVersion, new: DatasetVersion, change: str, places: Sequence[int] | Places
) -> list[RecordChange]:
    """The records behind some of `VersionDiff.places(change)`."""
    if change == "added":
        return [RecordChange(None, row) for row in rows_at(new, places)]
    if change == "removed":
        return [RecordChange(row, None) for row in rows_at(old, places)]
    found = diff(old, new)
    at = np.searchsorted(found.new, np.asarray(places, np.int64))
    before = {row.place: row for row in rows_at(old, found.old[at])}
    after = {row.place: row for row in rows_at(new, places)}
    pairs = zip(found.old[at].tolist(), np.asarray(places).tolist(), strict=True)
    return [RecordChange(before[a], after[b]) for a, b in pairs]


def change_of(old: DatasetVersion, new: DatasetVersion, record_id: str) -> RecordChange:
    """One record in both versions, by its id. Raises ApiProblem 400 when neither has it."""
    rows = [
        # Without an order: by key, SQLite would walk the whole version.
        next(iter(version.records.filter(record_id=record_id).order_by()[:1]), None)
        for version in (old, new)
    ]
    if rows == [None, None]:
        raise bad_parameter("id", f"Neither version has a record {record_id!r}.")
    return RecordChange(*rows)


def all_changes(
    old: DatasetVersion, new: DatasetVersion, wanted: Sequence[str] = CHANGES
) -> Iterator[tuple[str, RecordChange]]:
    """Every change, read in batches: for exports."""
    found = diff(old, new)
    for change in wanted:
        places = found.places(change)
        for start in range(0, len(places), BATCH):
            for row in changes_at(old, new, change, places[start : start + BATCH]):
                yield change, row


def change_row(change: str, row: RecordChange) -> dict[str, Any]:
    """A change as one flat row of an export."""
    sides = {"old": row.old, "new": row.new}
    out: dict[str, Any] = {"change": change, "id": row.id, "fields": row.fields}
    for side, record in sides.items():
        out[f"{side}_split"] = record.split if record else None
        out[f"{side}_line"] = record.index + 1 if record else None
        out[f"{side}_objects"] = record.n_objects if record else None
        out[f"{side}_image"] = record.image_sha if record else None
    return out
