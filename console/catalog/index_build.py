"""Building the index of a dataset version while its records go by, one after another.

Memory is a few bytes per record and per thing it has; the records themselves are not kept. Arrays
are little-endian and deflated; what is in them is said in `COLUMNS`.
"""
from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from console.catalog.models import DatasetFacet
from mlcore.contract.desc import FREE_TEXT_KEYS, attributes_of, class_of, is_negative
from mlcore.contract.records import Record, record_line

Kind = DatasetFacet.Kind
COLUMNS: dict[str, str] = {"id": "<u8", "digest": "<u8", "objects": "<u4", "width": "<u4",
                           "height": "<u4"}
"""`id` and `digest` are the first 64 bits of a BLAKE2b: of the record's id, and of its split, its
canonical line and its image hashes. Two of 100,000 differing ids share one with probability 3e-10.
"""
TEXT = "text"
ANY = "*"
MOST_VALUES = 200
"""values of one attribute of one class that can be filtered by; a key with more is free text"""


@dataclass
class _Posting:
    places: array[int] = field(default_factory=lambda: array("I"))
    objects: int = 0

    def add(self, place: int, objects: int) -> None:
        self.places.append(place)
        self.objects += objects


class IndexBuilder:
    """Takes records in file order; gives facets and columns at the end.

    `splits` may be empty ones; `near` and `leaked` are the ids that the quality report names.
    """

    def __init__(
        self, splits: Iterable[str], near: frozenset[str], leaked: frozenset[str]
    ) -> None:
        self.count = 0
        self.objects = 0
        self._near, self._leaked = near, leaked
        self._postings: dict[tuple[str, str], _Posting] = {
            (str(Kind.SPLIT), split): _Posting() for split in splits
        }
        self._columns: dict[str, array[int]] = {
            name: array("Q" if code == "<u8" else "I") for name, code in COLUMNS.items()
        }
        self._text = _Deflated()
        self._descs: dict[str, _Desc] = {}

    def add(self, split: str, record: Record, image_hashes: Sequence[str]) -> None:
        place = self.count
        self.count += 1
        self.objects += len(record.objects)
        body = f"{split}\n{record_line(record)}\n{' '.join(image_hashes)}"
        values = (
            hash64(record.id), hash64(body), len(record.objects), record.width, record.height
        )
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)
        self._text.add(_searchable(record))
        for key, objects in self._has(split, record).items():
            self._postings.setdefault(key, _Posting()).add(place, objects)

    def _has(self, split: str, record: Record) -> dict[tuple[str, str], int]:
        """What the record has, and on how many of its objects."""
        out: dict[tuple[str, str], int] = {(str(Kind.SPLIT), split): len(record.objects)}
        for entry in record.objects:
            desc = self._descs.get(entry.desc)
            if desc is None:
                desc = self._descs[entry.desc] = _Desc.of(entry.desc)
            for key in (*desc.keys, (str(Kind.GEOMETRY), entry.kind)):
                out[key] = out.get(key, 0) + 1
        if record.id in self._near:
            out[str(Kind.NEAR), ANY] = 0
        if record.id in self._leaked:
            out[str(Kind.LEAK), ANY] = 0
        if len(self._descs) > 50_000:
            # Free text makes every description its own: the cache would hold the dataset.
            self._descs.clear()
        return out

    def facets(self) -> Iterator[dict[str, Any]]:
        """Rows of DatasetFacet without their version: the most objects first within a kind."""
        crowded = self._crowded()
        order = sorted(self._postings.items(), key=lambda i: (i[0][0], -i[1].objects, i[0][1]))
        for (kind, label), posting in order:
            if kind == Kind.ATTRIBUTE and label.partition("=")[0] in crowded:
                continue
            yield {
                "kind": kind, "label": label, "objects_n": posting.objects,
                "images_n": len(posting.places), "bits": pack(posting.places, self.count),
            }

    def _crowded(self) -> set[str]:
        counts: dict[str, int] = {}
        for kind, label in self._postings:
            if kind == Kind.ATTRIBUTE:
                name = label.partition("=")[0]
                counts[name] = counts.get(name, 0) + 1
        return {name for name, n in counts.items() if n > MOST_VALUES}

    def columns(self) -> Iterator[tuple[str, bytes]]:
        """Name and data of every column."""
        for name, values in self._columns.items():
            raw = np.frombuffer(values, values.typecode).astype(COLUMNS[name])
            yield name, zlib.compress(raw.tobytes(), 1)
        yield TEXT, self._text.finish()


@dataclass(frozen=True)
class _Desc:
    """What a description says, worked out once for the many objects that share it."""

    keys: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, desc: str) -> _Desc:
        name = class_of(desc)
        keys = [(str(Kind.CLASS), name)]
        for key, text in attributes_of(desc).items():
            if key in FREE_TEXT_KEYS or text == name:
                continue
            for value in dict.fromkeys(text.split("|")):
                label = attribute_label(name, key, value)
                if len(label) <= 400:
                    keys.append((str(Kind.ATTRIBUTE), label))
        if is_negative(desc):
            keys += [(str(Kind.NEGATIVE), name), (str(Kind.NEGATIVE), ANY)]
        return cls(tuple(dict.fromkeys((kind, label[:400]) for kind, label in keys)))


class _Deflated:
    """Lines of text, deflated as they come."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(1)
        self._parts: list[bytes] = []

    def add(self, line: str) -> None:
        self._parts.append(self._packer.compress(line.encode() + b"\n"))

    def finish(self) -> bytes:
        return b"".join([*self._parts, self._packer.flush()])


def attribute_label(name: str, key: str, value: str) -> str:
    """How an attribute value of a class is written in filters: `class|key=value`."""
    return f"{name}|{key}={value}"


def hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _searchable(record: Record) -> str:
    """What the text filter looks at: id and summary, small letters, on one line."""
    text = f"{record.id}\t{record.summary or ''}"
    return " ".join(text.lower().splitlines()) if "\n" in text or "\r" in text else text.lower()


def pack(places: Sequence[int], count: int) -> bytes:
    """The places among `count` as deflated bits, the first place in the highest bit."""
    mask = np.zeros(count, np.uint8)
    mask[np.asarray(places, np.int64)] = 1
    return zlib.compress(np.packbits(mask).tobytes(), 1)


def unpack(data: bytes) -> NDArray[np.uint8]:
    """Bits as `pack` made them: one byte holds eight places."""
    return np.frombuffer(zlib.decompress(data), np.uint8)


def unpack_column(name: str, data: bytes) -> NDArray[Any]:
    """The numbers of a column, by place."""
    return np.frombuffer(zlib.decompress(data), COLUMNS[name])


def ids_of(groups: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Record ids that groups of a quality report name."""
    return frozenset(str(image.get("id", "")) for group in groups for image in group["images"])
