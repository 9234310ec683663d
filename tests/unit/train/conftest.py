"""What every test of training needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.training import write_training_set


@pytest.fixture(scope="session")
def training_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of a few noisy pictures. Read only."""
    return write_training_set(tmp_path_factory.mktemp("noise") / "dataset")


@pytest.fixture(scope="session")
def other_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of other pictures, for mixtures. Read only."""
    folder = tmp_path_factory.mktemp("other") / "dataset"
    return write_training_set(folder, train=5, val=2, name="other", first=100)
