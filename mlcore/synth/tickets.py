"""Grouping the images of one split into tickets with a label of known truth."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlcore.contract.desc import is_negative
from mlcore.contract.records import Record
from mlcore.synth.config import Tickets

Verdict = Literal["pass", "fail"]


@dataclass(frozen=True)
class Ticket:
    """`label` is what a person wrote down, `true_label` what the objects say."""

    ticket: str
    label: Verdict
    true_label: Verdict
    images: tuple[str, ...]


def verdict_of(records: Sequence[Record]) -> Verdict:
    """Fail when any object of any image is negative."""
    return "fail" if any(is_negative(o.desc) for r in records for o in r.objects) else "pass"


def make_tickets(
    records: Sequence[Record], config: Tickets, seed: int, style: str, split: str
) -> list[Ticket]:
    """Every record in exactly one ticket of min_images..max_images (the last may be smaller).

    A passing ticket takes scenes without a fault; when those run out, the rest fail. The wrong
    labels are exactly `round(wrong_label_share x tickets)`, at random places.
    """
    salt = [zlib.crc32(s.encode()) for s in ("tickets", style, split)]
    rng = np.random.default_rng(np.random.SeedSequence([seed, *salt]))
    faulty = {r.id for r in records if verdict_of([r]) == "fail"}
    clean_pool = [r.id for r in records if r.id not in faulty]
    faulty_pool = [r.id for r in records if r.id in faulty]
    groups: list[tuple[str, ...]] = []
    while clean_pool or faulty_pool:
        size = int(rng.integers(config.min_images, config.max_images + 1))
        passing = rng.random() < config.pass_share
        enough = len(clean_pool) >= size or not faulty_pool
        if passing and enough:
            taken = [clean_pool.pop(0) for _ in range(min(size, len(clean_pool)))]
        else:
            taken = _failing(rng, clean_pool, faulty_pool, size)
        groups.append(tuple(taken))
    wrong = round(config.wrong_label_share * len(groups))
    flipped = set(rng.permutation(len(groups))[:wrong].tolist())
    names = [f"{style}-{split}-ticket-{i:05d}" for i in range(len(groups))]
    return [
        _ticket(name, group, faulty, flipped=i in flipped)
        for i, (name, group) in enumerate(zip(names, groups, strict=True))
    ]


def _failing(rng: np.random.Generator, clean: list[str], faulty: list[str], size: int) -> list[str]:
    """At least one faulty scene while there are any, the others half and half, shuffled."""
    taken: list[str] = []
    for i in range(size):
        want_faulty = i == 0 or rng.random() < 0.6
        pool = faulty if faulty and (want_faulty or not clean) else clean
        if pool:
            taken.append(pool.pop(0))
    return [taken[i] for i in rng.permutation(len(taken))]


def _ticket(name: str, images: tuple[str, ...], faulty: set[str], *, flipped: bool) -> Ticket:
    true: Verdict = "fail" if faulty.intersection(images) else "pass"
    other: Verdict = "pass" if true == "fail" else "fail"
    return Ticket(name, other if flipped else true, true, images)
