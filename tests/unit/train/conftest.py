"""What every test of training needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.training import write_training_set


@pytest.fixture(scope="session")
def training_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of a few noisy pictures. Read only."""
    return write_training_set(tmp_path_factory.mktemp("noise") / "dataset")
