"""Muon updates as the papers and torch have them, in a format that a CPU computes fast."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from mlcore.train import muon
from mlcore.train.muon import Muon, newton_schulz, orthogonalized

SHAPES = ((6, 10), (10, 6), (8, 8), (6, 10), (16, 4))


def matrices(dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    torch.manual_seed(3)
    return [nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in SHAPES]


def gradients(steps: int) -> Iterator[list[torch.Tensor]]:
    torch.manual_seed(4)
    for _ in range(steps):
        yield [torch.randn(shape) for shape in SHAPES]


def stepped(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], steps: int = 4) -> None:
    for row in gradients(steps):
        for weight, gradient in zip(weights, row, strict=True):
            weight.grad = gradient.to(weight.dtype)
        optimizer.step()


def by_hand(weights: list[torch.Tensor], lr: float, decay: float, steps: int = 4) -> None:
    """The papers' update, one matrix at a time."""
    a, b, c = muon.COEFFICIENTS
    momenta = [torch.zeros_like(weight) for weight in weights]
    for row in gradients(steps):
        for weight, gradient, momentum in zip(weights, row, momenta, strict=True):
            momentum.lerp_(gradient, 0.05)
            x = gradient.lerp(momentum, 0.95)
            tall = x.shape[0] > x.shape[1]
            x = x.T if tall else x
            x = x / x.norm().clamp(min=1e-7)
            for _ in range(5):
                gram = x @ x.T
                x = a * x + (b * gram + c * gram @ gram) @ x
            weight *= 1 - lr * decay
            weight -= lr * 0.2 * math.sqrt(max(weight.shape)) * (x.T if tall else x)


def test_it_is_the_update_of_the_papers() -> None:
    weights = matrices()
    expected = [weight.detach().clone() for weight in weights]
    stepped(Muon(weights, lr=0.02, weight_decay=0.1), weights)
    by_hand(expected, 0.02, 0.1)
    for got, wanted in zip(weights, expected, strict=True):
        torch.testing.assert_close(got.detach(), wanted, rtol=1e-5, atol=1e-6)


def test_it_is_torch_s_muon_up_to_the_rounding_of_bfloat16() -> None:
    ours, theirs = matrices(), matrices()
    stepped(Muon(ours, lr=0.02, weight_decay=0.1), ours)
    peer = torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    stepped(peer, theirs)
    start = matrices()
    for got, wanted, was in zip(ours, theirs, start, strict=True):
        moved = (wanted - was).detach()
        assert (got - wanted).norm() < 0.02 * moved.norm()


def test_state_of_torch_s_muon_is_taken_over() -> None:
    theirs = matrices()
    peer = torch.optim.Muon(theirs, lr=0.02)
    stepped(peer, theirs, 1)
    ours = Muon(matrices(), lr=0.02)
    ours.load_state_dict({**ours.state_dict(), "state": peer.state_dict()["state"]})
    again = ours.state_dict()["state"]
    for index, state in peer.state_dict()["state"].items():
        assert set(state) == set(again[index]) == {"momentum_buffer"}
        assert torch.equal(state["momentum_buffer"], again[index]["momentum_buffer"])


def test_stacking_changes_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    updates = [weight.detach() for weight in matrices(torch.float64)]
    together = orthogonalized(updates)
    monkeypatch.setattr(muon, "STACK_ELEMENTS", 1)
    for one, other in zip(orthogonalized(updates), together, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_singular_values_come_near_one() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(newton_schulz(torch.randn(3, 20, 30)))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_a_gradient_of_nothing_moves_nothing() -> None:
    weights = matrices()
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    Muon(weights, lr=0.02).step()
    assert all(torch.equal(weight, was) for weight, was in zip(weights, matrices(), strict=True))


def test_weights_without_a_gradient_stay() -> None:
    weights = matrices()
    weights[0].grad = torch.ones_like(weights[0])
    optimizer = Muon(weights, lr=0.02)
    optimizer.step()
    assert list(optimizer.state) == [weights[0]]


def test_weights_of_half_the_width_are_turned_in_float32() -> None:
    assert muon.working_format(torch.zeros(1, dtype=torch.bfloat16)) == torch.float32
    assert muon.working_format(torch.zeros(1, dtype=torch.float64)) == torch.float64


def test_only_matrices_are_taken() -> None:
    with pytest.raises(ValueError, match="matrices"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)
