"""A run over a small healthy dataset, as the checks look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.chat.kit import RenderKit
from mlcore.preflight.scene import Scene
from mlcore.train.members import load_data
from mlcore.train.prepare import prepare
from tests.support.training import context, sft_config, write_training_set


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of a few noisy pictures. Read only."""
    return write_training_set(tmp_path_factory.mktemp("noise") / "dataset", train=12, val=6)


@pytest.fixture(scope="session")
def scene(dataset: Path, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """What the checks look at for a healthy run. Tests replace the part that is to be bad."""
    folder = tmp_path_factory.mktemp("run")
    config = sft_config(dataset, tiny_checkpoint)
    data = load_data(config, context(folder))
    kit = RenderKit.from_folder(tiny_checkpoint)
    prepared = prepare(config, kit, data, folder / "banks")
    return Scene(config, prepared, tiny_checkpoint, folder / "checkpoints")
