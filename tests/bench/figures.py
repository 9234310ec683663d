"""How figures are named, summed up and printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Figures:
    """Figures of one test by name: {value, unit, n, target}."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, name: str, value: float, unit: str, n: int, target: str = "") -> None:
        """Print one figure and keep it. `n` is how many measurements are behind it."""
        rounded = round(value) if value >= 1000 else float(f"{value:.3g}")
        self.rows[name] = {"value": rounded, "unit": unit, "n": n, "target": target}
        aim = f"  target {target}" if target else ""
        print(f"  {name:<52} {rounded:>10,} {unit:<10} n={n}{aim}")


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; share in percent."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share / 100), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
