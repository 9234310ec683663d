"""The smoke of Stage-1 on the CPU; tests/gpu makes the same checks on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.stage1_smoke import ACCEPTANCE, Smoke, name_of, smoke


@pytest.fixture(scope="module")
def smoked(
    tmp_path_factory: pytest.TempPathFactory, training_set: Path, tiny_checkpoint: Path
) -> Smoke:
    folder = tmp_path_factory.mktemp("smoke") / "stage1"
    return smoke(folder, training_set, tiny_checkpoint, "cpu")


@pytest.mark.parametrize("holds", ACCEPTANCE, ids=name_of)
def test_a_packed_run_of_stage_1(smoked: Smoke, holds: Callable[[Smoke], None]) -> None:
    holds(smoked)
