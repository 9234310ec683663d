"""Which records of a dataset version pass a filter, at any size.

A version never changes, so its facets and columns are read once and kept: a filter is a few ANDs
over bits, a jump to any depth is a slice. The rows that a page shows are then fetched by place.
"""
from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from console.api.problems import ApiProblem
from console.catalog.index_build import ANY, COLUMNS, TEXT, unpack, unpack_column
from console.catalog.models import DatasetColumn, DatasetFacet, DatasetRecord, DatasetVersion

Kind = DatasetFacet.Kind
Bits = NDArray[np.uint8]
Places = NDArray[np.int64]
KEPT_VERSIONS = 4
KEPT_SELECTIONS = 32


@dataclass(frozen=True)
class RecordFilter:
    """Which records of a version to show; empty means no limit. Every field narrows the others."""

    split: str = ""
    classes: tuple[str, ...] = ()
    """has an object of each class"""
    attributes: tuple[str, ...] = ()
    """has an object of each `class|key=value`"""
    geometries: tuple[str, ...] = ()
    """has an object of each of bbox_2d, poly, line"""
    negatives: tuple[str, ...] = ()
    """has an object that is not as it must be, of each class; `*` for any class"""
    min_objects: int | None = None
    max_objects: int | None = None
    min_side: int | None = None
    """longest side of the image in pixels, inclusive"""
    max_side: int | None = None
    near: bool = False
    """is in a group of near-duplicates"""
    leaked: bool = False
    """is in more than one split"""
    text: str = ""
    """part of the record id or of the summary"""


@dataclass(frozen=True)
class Facet:
    """One value to filter by. `objects` and `images` are of the whole version."""

    kind: str
    label: str
    objects: int
    images: int


@dataclass
class VersionIndex:
    """Facets and columns of one version. `bits` has a row per facet: eight places to a byte."""

    count: int
    facets: list[Facet]
    bits: Bits
    columns: dict[str, NDArray[Any]]
    text: bytes
    lines: Places
    """where each place's line begins in `text`"""
    places_of: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places_of = {(f.kind, f.label): i for i, f in enumerate(self.facets)}

    def facet(self, kind: str, label: str) -> Bits:
        """Raises ApiProblem 400 for a value that the version does not have."""
        row = self.places_of.get((kind, label))
        if row is None:
            known = [f.label for f in self.facets if f.kind == kind]
            shown = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
            raise bad_parameter(
                kind, f"There is no {kind} {label!r} in this version"
                + (f"; there is: {shown}." if known else ".")
            )
        found: Bits = self.bits[row]
        return found

    def counts(self, mask: Bits) -> NDArray[np.int64]:
        """How many records of the mask have each facet, in the order of `facets`."""
        if not self.facets:
            return np.zeros(0, np.int64)
        return np.bitwise_count(self.bits & mask).sum(axis=1, dtype=np.int64)


@dataclass(frozen=True)
class Selection:
    """The records that pass a filter: ascending places, and the same as bits."""

    places: Places
    mask: Bits

    @property
    def total(self) -> int:
        return len(self.places)


def bad_parameter(name: str, detail: str) -> ApiProblem:
    return ApiProblem(
        400, "bad_parameter", detail, errors=[{"parameter": name, "detail": detail}]
    )


def index_of(version: DatasetVersion) -> VersionIndex:
    """The index of a version, from memory when it was asked for lately."""
    return _index(version.pk, version.digest, version.n_records, version.created.isoformat())


def select(version: DatasetVersion, wanted: RecordFilter) -> Selection:
    """The records that pass. Raises ApiProblem 400 for a value that the version does not have."""
    return _select(
        version.pk, version.digest, version.n_records, version.created.isoformat(), wanted
    )


@functools.lru_cache(KEPT_VERSIONS)
def _index(pk: int, digest: str, count: int, created: str) -> VersionIndex:
    # digest and created are in the key because a key of the database may be given out again.
    rows = list(DatasetFacet.objects.filter(version=pk).order_by("pk"))
    bits = np.zeros((len(rows), -(-count // 8)), np.uint8)
    for number, row in enumerate(rows):
        bits[number] = unpack(row.bits)
    data = dict(DatasetColumn.objects.filter(version=pk).values_list("name", "data"))
    text = zlib.decompress(data[TEXT])
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    return VersionIndex(
        count=count,
        facets=[Facet(row.kind, row.label, row.objects_n, row.images_n) for row in rows],
        bits=bits,
        columns={name: unpack_column(name, data[name]) for name in COLUMNS},
        text=text,
        lines=np.concatenate([[0], ends[:-1] + 1]) if count else np.zeros(0, np.int64),
    )


@functools.lru_cache(KEPT_SELECTIONS)
def _select(
    pk: int, digest: str, count: int, created: str, wanted: RecordFilter
) -> Selection:
    index = _index(pk, digest, count, created)
    mask = np.packbits(np.ones(count, np.uint8))
    for kind, label in _facets_of(wanted):
        if (kind, label) not in index.places_of and kind in (Kind.NEAR, Kind.LEAK, Kind.NEGATIVE):
            # A version may well have none of these; asking is not a mistake.
            mask = np.zeros_like(mask)
        else:
            mask = mask & index.facet(kind, label)
    mask = mask & _in_ranges(index, wanted)
    if wanted.text:
        mask = mask & _with_text(index, wanted.text)
    places = np.flatnonzero(np.unpackbits(mask, count=count))
    return Selection(places, mask)


def _facets_of(wanted: RecordFilter) -> list[tuple[str, str]]:
    out = [(str(Kind.SPLIT), wanted.split)] if wanted.split else []
    out += [(str(Kind.CLASS), name) for name in wanted.classes]
    out += [(str(Kind.ATTRIBUTE), label) for label in wanted.attributes]
    out += [(str(Kind.GEOMETRY), kind) for kind in wanted.geometries]
    out += [(str(Kind.NEGATIVE), name) for name in wanted.negatives]
    out += [(str(Kind.NEAR), ANY)] if wanted.near else []
    out += [(str(Kind.LEAK), ANY)] if wanted.leaked else []
    return out


def _in_ranges(index: VersionIndex, wanted: RecordFilter) -> Bits:
    keep = np.ones(index.count, bool)
    objects = index.columns["objects"]
    side = np.maximum(index.columns["width"], index.columns["height"])
    for values, low, high in (
        (objects, wanted.min_objects, wanted.max_objects),
        (side, wanted.min_side, wanted.max_side),
    ):
        if low is not None:
            keep &= values >= low
        if high is not None:
            keep &= values <= high
    return np.packbits(keep)


def _with_text(index: VersionIndex, text: str) -> Bits:
    """Each match runs to the end of its line, so a record is found once."""
    keep = np.zeros(index.count, bool)
    needle = " ".join(text.lower().split("\n")).encode()
    found = re.finditer(re.escape(needle) + rb"[^\n]*", index.text)
    starts = np.fromiter((match.start() for match in found), np.int64)
    keep[np.searchsorted(index.lines, starts, "right") - 1] = True
    return np.packbits(keep)


def rows_at(version: DatasetVersion, places: Sequence[int] | Places) -> list[DatasetRecord]:
    """The records at these places, ascending."""
    wanted = [int(place) for place in places]
    return list(version.records.filter(place__in=wanted).order_by("place"))


def neighbours(row: DatasetRecord, wanted: RecordFilter) -> tuple[int | None, int | None]:
    """Keys of the record before and after within the filter, for stepping through."""
    places = select(row.version, wanted).places
    before = int(np.searchsorted(places, row.place, "left")) - 1
    after = int(np.searchsorted(places, row.place, "right"))
    ends = [int(places[i]) for i in (before, after) if 0 <= i < len(places)]
    keys = dict(row.version.records.filter(place__in=ends).values_list("place", "pk"))
    return (
        keys.get(int(places[before])) if before >= 0 else None,
        keys.get(int(places[after])) if after < len(places) else None,
    )


def position(row: DatasetRecord, wanted: RecordFilter) -> int:
    """How many of the selected records come before this one."""
    return int(np.searchsorted(select(row.version, wanted).places, row.place, "left"))


def facet_counts(version: DatasetVersion, wanted: RecordFilter) -> list[tuple[Facet, int]]:
    """Every value that can be filtered by, with how many of the selected records have it."""
    index = index_of(version)
    counts = index.counts(select(version, wanted).mask)
    return [(facet, int(n)) for facet, n in zip(index.facets, counts, strict=True)]
