"""A ticket before it is summarised: its images, in the order in which they were found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlcore.randomness import sample_rng
from mlcore.stage_a.record import Label

_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class Photo:
    """An image of a ticket: its name in the record, its path below the root of the source, and its
    true summary where that is known."""

    name: str
    path: str
    truth: str | None = None


@dataclass(frozen=True)
class Group:
    """A ticket to be. One with a `problem` is rejected without asking."""

    group_id: str
    label: Label
    photos: tuple[Photo, ...]
    problem: str = ""

    @property
    def ticket_key(self) -> str:
        return f"{self.group_id}::{self.label}"


@dataclass(frozen=True)
class Found:
    """The tickets of a source. `about` says more of it than its config, for the metadata;
    `dataset` is the dataset's name, empty for folders; `warnings` are (code, sentence)."""

    root: Path
    groups: tuple[Group, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = ""
    warnings: tuple[tuple[str, str], ...] = ()


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which `2.jpg` comes before `10.jpg`; numbers come before letters."""
    parts = _DIGITS.split(name.casefold())
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p] + [(2, 0, name)]


def once_each(groups: Iterable[Group]) -> list[Group]:
    """The groups; one whose ticket was there before is marked as a problem."""
    seen: dict[str, Group] = {}
    out = []
    for group in groups:
        first = seen.setdefault(group.ticket_key, group)
        if first is not group and not group.problem:
            where = Path(first.photos[0].path).parent.as_posix() if first.photos else "another"
            group = replace(group, problem=f"the ticket {group.ticket_key} is that of {where} too")
        out.append(group)
    return out


def drawn(
    groups: Sequence[Group], passed: int | None, failed: int | None, seed: int
) -> list[Group]:
    """At most so many groups of each label, in their order; None takes all of a label.

    Which ones is a pure function of the seed and how many there are, for each label by itself.
    """
    kept: set[int] = set()
    labels: tuple[tuple[Label, int | None], ...] = (("pass", passed), ("fail", failed))
    for label, most in labels:
        places = [i for i, group in enumerate(groups) if group.label == label]
        if most is not None and most < len(places):
            order = sample_rng(seed, 0, label, "stage_a/groups").permutation(len(places))
            places = [places[i] for i in order[:most]]
        kept.update(places)
    return [group for i, group in enumerate(groups) if i in kept]
