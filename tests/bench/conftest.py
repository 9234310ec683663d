"""Figures are printed as they come and kept, with the machine, in results/DATE.json."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench.figures import Figures

RESULTS = Path(__file__).resolve().parent / "results"


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


@pytest.fixture(scope="session")
def machine() -> dict[str, Any]:
    return describe_machine()


@pytest.fixture
def figures(machine: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Figures]:
    """`figures(name, value, unit, n, target)` prints one figure and keeps it."""
    collected = Figures()
    print(f"\n{request.node.name} ({machine['cores']} cores, {machine['cpu']})")
    yield collected
    path = RESULTS / f"{time.strftime('%Y-%m-%d')}.json"
    RESULTS.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {"figures": {}}
    known["machine"] = machine
    known["figures"].update(collected.rows)
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
