"""Several runs beside each other: what differs in their configs and how they came out.

Everything here is a pure function of the runs that are given; `page_reads.compared` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.runs import rows
from console.runs.models import Run

MAX_RUNS = 200
ABSENT = None
"""the value of a key that a run's config does not have"""
_NAMES = ("name", "description")
"""keys that say how a run is called; they differ without meaning anything"""


@dataclass(frozen=True)
class KeyRow:
    """One key of the configs: its value in each run, in their order. `differs` from the baseline
    is told for each; a value of None with `present` false is a key that the config lacks."""

    path: str
    values: tuple[Any, ...]
    present: tuple[bool, ...]
    differs: tuple[bool, ...]

    @property
    def varies(self) -> bool:
        """Whether any two runs differ here."""
        return any(self.differs)


@dataclass(frozen=True)
class FigureRow:
    """One headline figure in each run; None where a run has none. `deltas` are differences to the
    baseline, None for the baseline itself and where either is missing. `intervals` are the figures'
    own, `paired` those of the differences on the same drawn images."""

    name: str
    unit: str
    values: tuple[float | None, ...]
    deltas: tuple[float | None, ...]
    counts: tuple[int | None, ...]
    intervals: tuple[Any, ...]
    paired: tuple[Any, ...]


def baseline_of(runs: Sequence[Run], asked: str) -> Run:
    """The asked one, else the pinned one, else the oldest: what came later is held against it."""
    for run in runs:
        if run.uid == asked:
            return run
    pinned = [run for run in runs if run.pinned]
    return min(pinned or runs, key=lambda run: run.created)


def key_rows(runs: Sequence[Run], base: Run) -> list[KeyRow]:
    """Every key of the resolved configs by its path; lists are values, mappings are opened."""
    flat = [flat_config(run.config_resolved) for run in runs]
    at = list(runs).index(base)
    paths = dict.fromkeys(path for values in flat for path in values)
    return [_key_row(path, flat, flat[at]) for path in sorted(paths) if path not in _NAMES]


def _key_row(path: str, flat: Sequence[Mapping[str, Any]], base: Mapping[str, Any]) -> KeyRow:
    mark = (path in base, base.get(path))
    return KeyRow(
        path,
        tuple(values.get(path, ABSENT) for values in flat),
        tuple(path in values for values in flat),
        tuple((path in values, values.get(path)) != mark for values in flat),
    )


def flat_config(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A resolved config as dotted path -> value. An empty mapping is a value."""
    out: dict[str, Any] = {}
    for key, value in config.items():
        path = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value:
            out |= flat_config(value, path)
        else:
            out[path] = value
    return out


def figure_rows(
    runs: Sequence[Run], base: Run, paired: Mapping[str, Mapping[str, Any]] | None = None
) -> list[FigureRow]:
    """Every headline figure that any of the runs has, in the order that their jobs gave. `paired`
    has intervals of differences by run and figure."""
    listed = [{row["name"]: row for row in rows.headline_list(run.headline)} for run in runs]
    at = list(runs).index(base)
    names = dict.fromkeys(name for figures in listed for name in figures)
    told = [
        {name.replace("_", " "): found for name, found in (paired or {}).get(run.uid, {}).items()}
        for run in runs
    ]
    return [_figure_row(name, listed, at, [row.get(name) for row in told]) for name in names]


def _figure_row(
    name: str, listed: Sequence[Mapping[str, Any]], at: int, paired: Sequence[Any]
) -> FigureRow:
    found = [figures.get(name, {}) for figures in listed]
    values = [_number(figure.get("value")) for figure in found]
    zero = values[at]
    deltas = [
        None if place == at or value is None or zero is None else value - zero
        for place, value in enumerate(values)
    ]
    unit = next((figure["unit"] for figure in found if figure.get("unit")), "")
    counts = tuple(figure.get("n") for figure in found)
    own = tuple(figure.get("ci95") for figure in found)
    return FigureRow(name, unit, tuple(values), tuple(deltas), counts, own, tuple(paired))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
