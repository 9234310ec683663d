"""What learns, counted without memory, is what really learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlcore.errors import ConfigError
from mlcore.models.load import load_model
from mlcore.preflight.scene import Scene
from mlcore.preflight.trained import trained
from mlcore.train.config import SftConfig
from mlcore.tuning.tuned import tune
from tests.support.training import config_of

TUNINGS: list[dict[str, Any]] = [
    {"type": "full"},
    {"type": "full", "freeze_llm": True, "vit_layers": {"last": 1}},
    {"type": "lora", "rank": 4},
    {"type": "lora", "rank": 2, "dora": True, "freeze_vit": False, "coord_offset": True},
    {"type": "lora", "target_modules": [], "modules_to_save": ["merger"]},
    {"type": "adalora"},
    {"type": "boft"},
    {"type": "fourierft"},
]


def with_tuning(scene: Scene, tuning: dict[str, Any]) -> SftConfig:
    raw = scene.config.model_dump(mode="json")
    return config_of({**raw, "tuning": tuning})


@pytest.mark.parametrize("tuning", TUNINGS, ids=lambda t: "-".join(map(str, t.values()))[:40])
def test_the_count_is_that_of_the_model_that_trains(
    scene: Scene, tiny_checkpoint: Path, tuning: dict[str, Any]
) -> None:
    config = with_tuning(scene, tuning)
    model = load_model(tiny_checkpoint)
    ids = scene.prepared.kit.coord_ids
    tune(model, config.tuning, ids, steps=config.steps, seed=config.seed)
    found = trained(config, scene.weights.config, ids)
    assert found.total == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.adapters == (tuning["type"] != "full")


def test_a_tuning_that_names_other_modules_is_refused_before_training(scene: Scene) -> None:
    config = with_tuning(scene, {"type": "lora", "target_modules": ["no_such_proj"]})
    with pytest.raises(ConfigError, match="no_such_proj"):
        trained(config, scene.weights.config, scene.prepared.kit.coord_ids)


def test_the_square_matrices_of_boft_are_counted_and_no_other_tuning_has_any(scene: Scene) -> None:
    model, ids = scene.weights.config, scene.prepared.kit.coord_ids
    tuning = {"type": "boft", "target_modules": ["q_proj"]}
    found = trained(with_tuning(scene, tuning), model, ids)
    text = model.text_config
    assert found.turns == text.num_hidden_layers * text.hidden_size**2
    assert trained(with_tuning(scene, TUNINGS[2]), model, ids).turns == 0


def test_counting_draws_nothing(scene: Scene) -> None:
    import torch

    torch.manual_seed(5)
    before = torch.get_rng_state()
    trained(with_tuning(scene, TUNINGS[2]), scene.weights.config, scene.prepared.kit.coord_ids)
    assert torch.equal(torch.get_rng_state(), before)
