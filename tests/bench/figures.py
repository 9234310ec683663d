"""How figures are named, summed up and printed."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil


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


def describe_machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was with other things at the start."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [row for row in info.read_text().splitlines() if row.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "busy_cores_at_start": round(psutil.cpu_percent(interval=1.0) / 100 * os.cpu_count(), 2),
    }


def keep(figures: Figures, machine: dict[str, Any], folder: Path) -> None:
    """Add figures to those of the day, with the machine that they were measured on."""
    path = folder / f"{time.strftime('%Y-%m-%d')}.json"
    folder.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {"figures": {}}
    known["machine"] = machine
    known["figures"].update(figures.rows)
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
