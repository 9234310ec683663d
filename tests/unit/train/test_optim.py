"""Which optimiser takes which weight, and at which rate."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mlcore.errors import ConfigError
from mlcore.models.load import load_model
from mlcore.train.config import OptimConfig
from mlcore.train.optim import (
    Optimizers,
    decayed,
    gradient_norm,
    is_matrix,
    parameter_groups,
)


def test_muon_takes_matrices_and_leaves_tables_norms_and_convolutions(
    tiny_checkpoint: Path,
) -> None:
    taken = {n for n, p in load_model(tiny_checkpoint).named_parameters() if is_matrix(n, p)}
    assert any("self_attn.q_proj" in name for name in taken)
    assert any("visual.blocks.0.mlp" in name for name in taken)
    assert not [n for n in taken if "norm" in n or "embed" in n or "lm_head" in n or "bias" in n]


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_every_weight_is_moved_once(tiny_checkpoint: Path, optimizer: str) -> None:
    model = load_model(tiny_checkpoint)
    optimizers = Optimizers(model, OptimConfig.model_validate({"optimizer": optimizer}))
    before = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizers.step()
    unmoved = [
        name
        for (name, now), was in zip(model.named_parameters(), before, strict=True)
        if torch.equal(now, was)
    ]
    assert unmoved == []
    owned = {key.rpartition("/")[0] for key in optimizers.tensors()}
    assert len(owned) == len(before)


def test_frozen_weights_stay(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    nn.Module.requires_grad_(model.model.visual, requires_grad=False)
    optimizers = Optimizers(model, OptimConfig())
    before = model.model.visual.pos_embed.weight.detach().clone()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizers.step()
    assert torch.equal(model.model.visual.pos_embed.weight, before)


def test_norms_and_tables_have_no_decay() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed_tokens = nn.Embedding(3, 2)
            self.norm = nn.LayerNorm(2)
            self.conv = nn.Conv3d(1, 1, 1)
            self.dense = nn.Linear(2, 2)

    model = nn.ModuleDict({"language_model": Small()})
    optimizers = Optimizers(model, OptimConfig(optimizer="adamw", weight_decay=0.5, lr=0.1))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizers.step()
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"language_model.conv.weight", "language_model.dense.weight"}


def test_every_part_of_the_model_has_its_own_rate(tiny_checkpoint: Path) -> None:
    config = OptimConfig(
        optimizer="muon", lr=0.1, vit_lr=0.02, muon_lr=0.5,
        warmup_steps=2, schedule="linear", floor=0.0,
    )  # fmt: skip
    optimizers = Optimizers(load_model(tiny_checkpoint), config)
    assert optimizers.set_rates(0, 10) == {
        "lr": pytest.approx(0.05),
        "lr_llm": pytest.approx(0.05),
        "lr_vit": pytest.approx(0.01),
        "lr_aligner": pytest.approx(0.05),
        "lr_muon_llm": pytest.approx(0.25),
        "lr_muon_vit": pytest.approx(0.05),
        "lr_muon_aligner": pytest.approx(0.25),
    }
    assert set(optimizers.set_rates(9, 10).values()) == {0.0}


def test_parts_fall_to_floors_of_their_own(tiny_checkpoint: Path) -> None:
    config = OptimConfig(optimizer="adamw", lr=0.1, aligner_lr=0.01, min_lr=0.001)
    told = Optimizers(load_model(tiny_checkpoint), config).set_rates(999, 1000)
    assert list(told.values()) == pytest.approx([0.001] * 4)


def test_one_group_of_an_optimizer_is_one_part_with_or_without_decay(
    tiny_checkpoint: Path,
) -> None:
    config = OptimConfig(optimizer="muon", weight_decay=0.5)
    groups = parameter_groups(load_model(tiny_checkpoint), config)
    assert [(g.optimizer, g.group, g.weight_decay) for g in groups] == [
        ("muon", "llm", 0.5), ("muon", "vit", 0.5), ("muon", "aligner", 0.5),
        ("adamw", "llm", 0.0), ("adamw", "vit", 0.5), ("adamw", "vit", 0.0),
        ("adamw", "aligner", 0.0),
    ]  # fmt: skip


def state_after_steps(model: nn.Module, optimizers: Optimizers, seed: int) -> None:
    torch.manual_seed(seed)
    for _ in range(2):
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizers.step()


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_state_of_an_older_checkpoint_goes_to_the_same_weights(
    tiny_checkpoint: Path, optimizer: str
) -> None:
    config = OptimConfig.model_validate({"optimizer": optimizer, "vit_lr": 0.01})
    model = load_model(tiny_checkpoint)
    optimizers = Optimizers(model, config)
    state_after_steps(model, optimizers, seed=1)
    expected = optimizers.tensors()
    named = list(model.named_parameters())
    matrices = [n for n, p in named if optimizer == "muon" and is_matrix(n, p)]
    rest = [(n, p) for n, p in named if n not in matrices]
    ordered = [n for n, p in rest if decayed(n, p)] + [n for n, p in rest if not decayed(n, p)]
    parts = [("muon", matrices)] * bool(matrices) + [("adamw", ordered)]
    numbered = {
        f"{place}/{index}/{what}": expected[f"{kind}/{name}/{what}"]
        for place, (kind, names) in enumerate(parts)
        for index, name in enumerate(names)
        for what in (["momentum_buffer"] if kind == "muon" else ["step", "exp_avg", "exp_avg_sq"])
    }
    state_after_steps(model, optimizers, seed=2)
    optimizers.load_tensors(numbered)
    got = optimizers.tensors()
    assert set(got) == set(expected)
    assert all(torch.equal(got[key], value) for key, value in expected.items())


def test_state_of_other_weights_is_refused(tiny_checkpoint: Path) -> None:
    optimizers = Optimizers(load_model(tiny_checkpoint), OptimConfig())
    with pytest.raises(ConfigError, match=r"other weights \(muon/no.such"):
        optimizers.load_tensors({"muon/no.such/momentum_buffer": torch.zeros(1)})


def test_clipping_returns_the_norm_before_it() -> None:
    parameter = nn.Parameter(torch.zeros(4))
    parameter.grad = torch.full((4,), 3.0)
    assert gradient_norm([parameter], 1.0) == pytest.approx(6.0)
    assert parameter.grad.norm().item() == pytest.approx(1.0, rel=1e-5)


def test_without_clipping_the_norm_is_still_measured() -> None:
    parameter = nn.Parameter(torch.zeros(4))
    parameter.grad = torch.full((4,), 3.0)
    assert gradient_norm([parameter], None) == pytest.approx(6.0)
    assert parameter.grad.norm().item() == pytest.approx(6.0)
