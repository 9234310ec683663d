"""Near-duplicate pictures: a 64-bit difference hash, and groups of hashes that nearly agree.

The hash: the picture in grey at 9 x 8, each pixel against its right neighbour, row by row, the
first comparison in the highest bit (N. Krawetz, "Kind of Like That", 2013). It forgives recoding,
resizing and light; it does not see rotations or mirrorings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

METHOD = "dhash64"
MAX_DISTANCE = 4
"""bits in which near-duplicates differ at most"""
BITS = 64
CHUNK = 2048
"""rows that are compared at once; bounds the memory of one comparison"""


def dhash(image: NDArray[np.uint8]) -> int:
    """The difference hash, 0 .. 2**64 - 1, of an RGB [H, W, 3] or grey [H, W] picture."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    bits = np.packbits(small[:, :-1] < small[:, 1:])
    return int.from_bytes(bits.tobytes(), "big")


@dataclass(frozen=True)
class Neighbours:
    """One group: places in the given sequence, ascending, and each one's distance in bits to the
    nearest other of the group (0 for equal hashes)."""

    members: tuple[int, ...]
    distances: tuple[int, ...]


def near_duplicates(hashes: Sequence[int], max_distance: int = MAX_DISTANCE) -> list[Neighbours]:
    """Groups of two or more whose hashes hang together by steps of at most `max_distance` bits.

    Exact: two hashes that near agree share one of `max_distance + 1` bands of bits, so only
    hashes with an equal band are compared. Ordered by first member. Raises ValueError for a
    distance outside 0..16.
    """
    if not 0 <= max_distance <= 16:
        raise ValueError(f"max_distance {max_distance} is not within 0..16")
    places: dict[int, list[int]] = defaultdict(list)
    for place, value in enumerate(hashes):
        places[value].append(place)
    unique = np.fromiter(places, dtype=np.uint64, count=len(places))
    parent = np.arange(len(unique))
    nearest = np.full(len(unique), BITS + 1)
    for left, right, distance in _close_pairs(unique, max_distance):
        np.minimum.at(nearest, left, distance)
        np.minimum.at(nearest, right, distance)
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            _join(parent, a, b)
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, found in enumerate(places.values()):
        bits = 0 if len(found) > 1 else int(nearest[number])
        groups[_root(parent, number)] += [(place, bits) for place in found]
    out = [sorted(members) for members in groups.values() if len(members) > 1]
    return [
        Neighbours(tuple(p for p, _ in members), tuple(d for _, d in members))
        for members in sorted(out)
    ]


def _close_pairs(
    unique: NDArray[np.uint64], max_distance: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]:
    """Pairs of places of different hashes within the distance; a pair may come more than once."""
    if max_distance == 0:
        return
    edges = np.linspace(0, BITS, max_distance + 2).astype(int)
    for low, high in pairwise(edges.tolist()):
        mask = np.uint64((1 << (high - low)) - 1)
        band = (unique >> np.uint64(low)) & mask
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order], prepend=band[order][:1] + np.uint64(1)))
        for bucket in np.split(order, starts[1:]):
            if len(bucket) > 1:
                yield from _within(unique, bucket, max_distance)


def _within(
    unique: NDArray[np.uint64], bucket: NDArray[np.int64], max_distance: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]:
    values = unique[bucket]
    for start in range(0, len(bucket), CHUNK):
        rows = values[start : start + CHUNK]
        bits = np.bitwise_count(rows[:, None] ^ values[None, start:])
        left, right = np.nonzero(np.triu(bits <= max_distance, k=1))
        if len(left):
            yield bucket[start + left], bucket[start + right], bits[left, right]


def _root(parent: NDArray[np.int64], place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = int(parent[place])
    return place


def _join(parent: NDArray[np.int64], a: int, b: int) -> None:
    first, second = _root(parent, a), _root(parent, b)
    parent[max(first, second)] = min(first, second)
