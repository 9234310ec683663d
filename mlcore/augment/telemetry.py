"""What happened to one sample, for logs, previews and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One op of the list. `skipped` says why it did nothing; empty means that it was applied.

    Reasons: `prob` (the draw said no), `same_size`, `no_anchor`, `no_objects`, `min_objects`,
    `line`, `no_target`, `no_place`, `no_patch`; ops added later have their own.
    """

    op: str
    skipped: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Telemetry:
    """What happened to one sample.

    `matrix` maps pixels of the original picture to those of the new one. `origin` has, for each
    object of the new record, its index in the original record, or None for a pasted copy;
    `coverages` how much of it is left, and `degenerate` the positions of those that are left
    without an extent (`outside: keep`). `kept` are the original indices in rising order, `lost`
    what went and why. `partial` are positions whose description says since now that only a part is
    seen; `became_poly` positions of boxes that turned into polygons. `pasted` tells of each copy
    where it comes from. `padding_ratio` is the share of the picture without content.
    """

    bypassed: bool
    steps: tuple[Step, ...]
    matrix: tuple[tuple[float, ...], ...]
    width: int
    height: int
    padding_ratio: float
    origin: tuple[int | None, ...]
    coverages: tuple[float, ...]
    kept: tuple[int, ...]
    lost: tuple[Mapping[str, Any], ...] = ()
    partial: tuple[int, ...] = ()
    degenerate: tuple[int, ...] = ()
    became_poly: tuple[int, ...] = ()
    pasted: tuple[Mapping[str, Any], ...] = ()

    @property
    def applied(self) -> tuple[str, ...]:
        """The ops that did something."""
        return tuple(step.op for step in self.steps if not step.skipped)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**asdict(self), "applied": list(self.applied)}
