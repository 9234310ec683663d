"""Which optimiser takes which weight, and at which rate."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mlcore.models.load import load_model
from mlcore.train.config import OptimConfig
from mlcore.train.optim import Optimizers, gradient_norm, is_matrix


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

    model = Small()
    optimizers = Optimizers(model, OptimConfig(optimizer="adamw", weight_decay=0.5, lr=0.1))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizers.step()
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"conv.weight", "dense.weight"}


def test_rates_keep_their_proportion() -> None:
    optimizers = Optimizers(nn.Linear(2, 2), OptimConfig(lr=0.1, muon_lr=0.2))
    assert optimizers.set_rate(0.5) == pytest.approx(0.05)


def test_clipping_returns_the_norm_before_it() -> None:
    parameter = nn.Parameter(torch.zeros(4))
    parameter.grad = torch.full((4,), 3.0)
    assert gradient_norm([parameter], 1.0) == pytest.approx(6.0)
    assert parameter.grad.norm().item() == pytest.approx(1.0, rel=1e-5)
