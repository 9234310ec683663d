"""The smoke of Stage-1 on a GPU, in bfloat16, on rendered pictures and the shipped checkpoint.

python -m pytest tests/gpu -q -s
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from mlcore.run.context import BUILTIN
from tests.support.rendered import write_rendered
from tests.support.stage1_smoke import ACCEPTANCE, Smoke, name_of, smoke

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture(scope="module")
def smoked(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    folder = tmp_path_factory.mktemp("smoke")
    dataset = write_rendered(folder / "dataset", train=24, val=4)
    return smoke(folder / "stage1", dataset, BUILTIN / "base", "cuda")


@pytest.mark.parametrize("holds", ACCEPTANCE, ids=name_of)
def test_a_packed_run_of_stage_1(smoked: Smoke, holds: Callable[[Smoke], None]) -> None:
    holds(smoked)
