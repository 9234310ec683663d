"""Vision features: what is taken, how far it is from the teacher's, and that a gradient arrives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch, pad_right
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer
from mlcore.distill.features import distances, feature_shapes, rows_of, tapped, vision_tower
from mlcore.models.forward import hidden_states
from mlcore.models.groups import group_of
from mlcore.models.load import load_model
from tests.support.scenes import make_image, make_record

TARGETS = ["vit", "aligner", "deepstack"]


@pytest.fixture
def model(tiny_checkpoint: Path) -> Qwen3VLForConditionalGeneration:
    return load_model(tiny_checkpoint)


@pytest.fixture(scope="module")
def batch(tiny_checkpoint: Path) -> ModelBatch:
    renderer = Renderer(RenderKit.from_folder(tiny_checkpoint))
    examples = [
        renderer.training_example(
            make_record(n, 64, 64 + 32 * n), None, "dense", image=make_image(n, 64, 64 + 32 * n)
        )
        for n in (0, 1)
    ]
    return pad_right(examples, renderer.ids.pad)


def run(model: Qwen3VLForConditionalGeneration, batch: ModelBatch) -> torch.Tensor:
    return hidden_states(
        model, batch.input_ids, batch.position_ids, batch.pixel_values, batch.image_grid_thw
    )


def test_features_have_the_declared_shapes(
    model: Qwen3VLForConditionalGeneration, batch: ModelBatch
) -> None:
    with tapped(model, TARGETS, batch.pixel_values) as seen:
        run(model, batch)
    for target, (count, width) in feature_shapes(model.config).items():
        rows = rows_of(target, batch.image_grid_thw, model.config.vision_config.spatial_merge_size)
        assert [tuple(f.shape) for f in seen[target]] == [(rows, width)] * count


def test_only_what_is_asked_for_is_kept_and_only_while_asked(
    model: Qwen3VLForConditionalGeneration, batch: ModelBatch
) -> None:
    with tapped(model, ["aligner"], batch.pixel_values) as seen:
        run(model, batch)
    assert list(seen) == ["aligner"]
    run(model, batch)
    assert len(seen["aligner"]) == 1


def test_a_batch_without_images_shows_nothing(model: Qwen3VLForConditionalGeneration) -> None:
    ids = torch.tensor([[300, 301, 302]])
    positions = torch.arange(3).expand(4, 1, 3)
    with tapped(model, TARGETS, None) as seen:
        hidden_states(model, ids, positions, None, None)
    assert seen == {}
    assert [rows_of(target, None, 2) for target in TARGETS] == [0, 0, 0]


def learned(module: nn.Module) -> list[bool]:
    return [bool(p.grad is not None and p.grad.abs().max() > 0) for p in module.parameters()]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("distance", ["mse", "cosine"])
def test_the_gradient_of_each_target_reaches_the_modules_that_make_it(
    model: Qwen3VLForConditionalGeneration, batch: ModelBatch, target: str, distance: str
) -> None:
    with tapped(model, [target], batch.pixel_values) as seen:
        run(model, batch)
    other = [f.detach() + torch.linspace(0.0, 1.0, f.shape[1]) for f in seen[target]]
    loss = distances(seen[target], other, "mse" if distance == "mse" else "cosine").mean()
    loss.backward()
    tower = vision_tower(model)
    makers = {
        "vit": list(tower.blocks),
        "aligner": [tower.merger, *tower.blocks],
        "deepstack": [*tower.deepstack_merger_list, tower.blocks[0], tower.blocks[1]],
    }[target]
    assert all(sum(learned(maker)) > len(learned(maker)) // 2 for maker in makers)
    if target == "vit":
        assert not any(learned(tower.merger))
    touched = {group_of(name) for name, p in model.named_parameters() if p.grad is not None}
    assert touched <= {"vit", "aligner"}


def test_equal_features_are_at_no_distance() -> None:
    features = [torch.randn(5, 8, dtype=torch.float64) for _ in range(2)]
    for distance in ("mse", "cosine"):
        found = distances(features, features, "mse" if distance == "mse" else "cosine")
        assert found.shape == (5,)
        assert found.abs().max() < 1e-12


def test_distances_are_those_of_the_textbook_and_mean_over_the_mergers() -> None:
    mine, its = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    assert distances([mine], [its], "mse").item() == pytest.approx(2.5)
    assert distances([mine], [its], "cosine").item() == pytest.approx(1.0)
    assert distances([mine, its], [its, its], "mse").item() == pytest.approx(1.25)
