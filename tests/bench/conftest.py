"""Figures are printed as they come and kept, with the machine, in results/DATE.json."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.figures import Figures, describe_machine, keep

RESULTS = Path(__file__).resolve().parent / "results"


@pytest.fixture(scope="session")
def machine() -> dict[str, Any]:
    return describe_machine()


@pytest.fixture
def figures(machine: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Figures]:
    """`figures(name, value, unit, n, target)` prints one figure and keeps it."""
    collected = Figures()
    print(f"\n{request.node.name} ({machine['cores']} cores, {machine['cpu']})")
    yield collected
    keep(collected, machine, RESULTS)
