"""Which split each picture belongs to: the source's own, or drawn by ticket."""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.importers.source import Item, Source
from mlcore.contract.tickets import ticket_of

TEMPORARY = "picture "


def tickets_of(source: Source, items: Sequence[Item], config: ImportConfig) -> list[str]:
    """The ticket of each picture, empty where it has none.

    The config's pattern, else what the source says, else the format's own rule.
    """
    pattern = re.compile(config.ticket_pattern) if config.ticket_pattern else None
    out = []
    for item in items:
        path = item.image or item.name
        if pattern is not None:
            out.append(ticket_of(pattern, path))
        elif item.ticket or source.ticket_of is None:
            out.append(item.ticket)
        else:
            out.append(source.ticket_of(path))
    return out


def drawn_splits(
    root: Path, items: Sequence[Item], tickets: Sequence[str], config: ImportConfig
) -> list[str]:
    """train or val for each picture: whole tickets, and equal files stay together.

    The tickets in the order of their first picture are shuffled with the seed; each in turn goes
    to val where that brings val nearer to its share. Where there are two or more, both splits
    have one.
    """
    units = _with_equal_files(root, items, tickets)
    sizes: dict[str, int] = defaultdict(int)
    for unit in units:
        sizes[unit] += 1
    order = list(sizes)
    random.Random(config.seed).shuffle(order)
    wanted = round(len(items) * config.val_share)
    if len(order) > 1:
        wanted = min(max(wanted, 1), len(items) - 1)
    val: set[str] = set()
    have = 0
    for unit in order:
        if have + sizes[unit] - wanted < wanted - have and len(val) < len(order) - 1:
            val.add(unit)
            have += sizes[unit]
    if not val and len(order) > 1:
        val.add(min(order, key=lambda unit: sizes[unit]))
    return ["val" if unit in val else "train" for unit in units]


def tiny_places(total: int, size: int, seed: int) -> list[int]:
    """The places of a tiny subset of a split, in their order."""
    return sorted(random.Random(seed).sample(range(total), min(size, total)))


def _with_equal_files(root: Path, items: Sequence[Item], tickets: Sequence[str]) -> list[str]:
    """The ticket of each picture, tickets that share a picture file's bytes taken as one."""
    units = [ticket or TEMPORARY + str(number) for number, ticket in enumerate(tickets)]
    merged: dict[str, str] = {}
    first: dict[str, str] = {}
    for number, digest in _equal_digests(root, items):
        known = first.setdefault(digest, units[number])
        a, b = _last(merged, known), _last(merged, units[number])
        if a != b:
            merged[b] = a
    return [_last(merged, unit) for unit in units]


def _equal_digests(root: Path, items: Sequence[Item]) -> list[tuple[int, str]]:
    """Places and digests of the files that share their length with another: only those can be
    equal, so only those are read."""
    by_size: dict[int, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        path = root / PurePosixPath(item.image) if item.image else None
        if path is not None and path.is_file():
            by_size[path.stat().st_size].append(number)
    out = []
    for numbers in by_size.values():
        for number in numbers if len(numbers) > 1 else ():
            data = (root / str(items[number].image)).read_bytes()
            out.append((number, hashlib.sha256(data).hexdigest()))
    return sorted(out)


def _last(merged: dict[str, str], unit: str) -> str:
    while unit in merged:
        unit = merged[unit]
    return unit
