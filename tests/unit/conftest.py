"""Fixtures that several rooms share."""
from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of the default tiny size. Read only: tests share it."""
    import torch

    from tests.support.scenes import make_checkpoint

    torch.set_num_threads(1)
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")
