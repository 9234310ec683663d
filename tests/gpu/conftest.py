"""Figures of a GPU are kept in results/DATE.json; without one everything here is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.bench.figures import Figures, describe_machine, keep

RESULTS = Path(__file__).resolve().parent / "results"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not torch.cuda.is_available():
        terminalreporter.write_line("skipped: no GPU")


@pytest.fixture(scope="session")
def machine() -> dict[str, Any]:
    """The host, its GPU, and the versions that its figures depend on."""
    memory = torch.cuda.get_device_properties(0).total_memory
    return {
        **describe_machine(),
        "gpu": torch.cuda.get_device_name(),
        "gpu_memory_gb": round(memory / 1e9, 1),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


@pytest.fixture
def figures(machine: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Figures]:
    """`figures(name, value, unit, n, target)` prints one figure and keeps it."""
    collected = Figures()
    print(f"\n{request.node.name} ({machine['gpu']})")
    yield collected
    keep(collected, machine, RESULTS)
