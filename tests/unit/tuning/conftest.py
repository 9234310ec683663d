"""What tests of tuning share: the shipped checkpoint, and adapters that are not zero."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mlcore.models.load import load_model
from mlcore.models.tokens import coord_token_ids
from mlcore.tuning.tuned import Tuned, tune
from tests.support.training import write_training_set
from tests.support.tuning import BASE, tuning_of


@pytest.fixture(scope="session")
def coord_ids() -> list[int]:
    stored = json.loads((BASE / "tokenizer.json").read_text(encoding="utf-8"))
    return coord_token_ids({t["content"]: t["id"] for t in stored["added_tokens"]})


@pytest.fixture(scope="session")
def training_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of a few noisy pictures. Read only."""
    return write_training_set(tmp_path_factory.mktemp("noise") / "dataset")


@pytest.fixture
def make(coord_ids: list[int]) -> Callable[..., Tuned]:
    """A tuned model of the shipped checkpoint whose learning weights are moved a little."""

    def made(*, moved: bool = True, **settings: Any) -> Tuned:
        torch.manual_seed(1)
        model = load_model(BASE)
        tuned = tune(model, tuning_of(**settings), coord_ids, steps=6, seed=2)
        for parameter in model.parameters() if moved else ():
            if parameter.requires_grad:
                parameter.data += 0.02 * torch.randn_like(parameter)
        model.train(mode=False)
        return tuned

    return made
