"""Losses of tokens and of coordinates: one value per position; the step sums and divides."""

from __future__ import annotations

import math

import pytest
import torch

from mlcore.losses.coord import CoordView, Target, text_gate
from mlcore.losses.token_ce import token_ce


def token_ce_sum(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return token_ce(logits, targets).sum()


def coord_soft(
    logits: torch.Tensor, bins: torch.Tensor, coords: torch.Tensor, sigma: float
) -> torch.Tensor:
    """The default of coordinates: the Gaussian's divergence over the whole vocabulary."""
    view = CoordView(logits, bins, coords, Target(sigma))
    return view.soft() + view.gate()


def coord_soft_sum(
    logits: torch.Tensor, bins: torch.Tensor, coords: torch.Tensor, sigma: float
) -> torch.Tensor:
    return coord_soft(logits, bins, coords, sigma).sum()


VOCABULARY = 1200
COORDS = torch.arange(150, 1150)


def logits_of(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed))


def gaussian_logits(bins: list[int], sigma: float) -> torch.Tensor:
    """Logits of a model that says exactly the target, and nothing outside the coordinates."""
    logits = torch.full((len(bins), VOCABULARY), -1e4)
    for row, place in enumerate(bins):
        logits[row, COORDS] = -0.5 * ((torch.arange(1000.0) - place) / sigma) ** 2
    return logits


def test_cross_entropy_of_even_odds_is_the_log_of_the_vocabulary() -> None:
    targets = torch.tensor([3, 7, 11])
    assert token_ce_sum(torch.zeros(3, VOCABULARY), targets).item() == pytest.approx(
        3 * math.log(VOCABULARY)
    )


def test_cross_entropy_adds_up_over_any_split() -> None:
    logits, targets = logits_of(8), torch.arange(8)
    parts = token_ce_sum(logits[:3], targets[:3]) + token_ce_sum(logits[3:], targets[3:])
    assert parts.item() == pytest.approx(token_ce_sum(logits, targets).item(), rel=1e-6)


def test_both_sums_of_nothing_are_zero_and_have_a_gradient() -> None:
    logits = torch.zeros(0, VOCABULARY, requires_grad=True)
    none = torch.zeros(0, dtype=torch.int64)
    total = token_ce_sum(logits, none) + coord_soft_sum(logits, none, COORDS, 3.0)
    total.backward()
    assert total.item() == 0.0
    assert logits.grad is not None


@pytest.mark.parametrize("sigma", [1.0, 9.0])
@pytest.mark.parametrize("place", [0, 499, 999])
def test_the_soft_loss_is_zero_for_a_model_that_says_the_target(place: int, sigma: float) -> None:
    logits = gaussian_logits([place], sigma)
    assert coord_soft_sum(logits, torch.tensor([place]), COORDS, sigma).item() == pytest.approx(
        0.0, abs=1e-5
    )


def test_the_soft_loss_prefers_a_near_miss_to_a_far_one() -> None:
    target = torch.tensor([500])
    near = coord_soft_sum(gaussian_logits([503], 4.0), target, COORDS, 4.0)
    far = coord_soft_sum(gaussian_logits([540], 4.0), target, COORDS, 4.0)
    assert 0 < near.item() < far.item()


def test_the_soft_loss_equals_the_divergence_computed_by_torch() -> None:
    logits, bins, sigma = logits_of(5, seed=1), torch.tensor([0, 13, 500, 998, 999]), 2.5
    grid = torch.arange(1000, dtype=torch.float64)
    target = torch.exp(-0.5 * ((grid - bins[:, None]) / sigma) ** 2)
    target = target / target.sum(-1, keepdim=True)
    said = logits.double().log_softmax(-1)[:, COORDS]
    expected = torch.nn.functional.kl_div(said, target, reduction="sum")
    got = coord_soft_sum(logits, bins, COORDS, sigma)
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)


def test_probability_outside_the_coordinates_costs() -> None:
    logits = gaussian_logits([500], 3.0)
    leaking = logits.clone()
    leaking[:, 0] = logits.max() + 5
    target = torch.tensor([500])
    assert (
        coord_soft_sum(leaking, target, COORDS, 3.0)
        > 1.0
        > coord_soft_sum(logits, target, COORDS, 3.0)
    )


def test_the_narrowest_target_is_nearly_cross_entropy() -> None:
    logits, bins = logits_of(4, seed=2), torch.tensor([1, 200, 700, 998])
    soft = coord_soft_sum(logits, bins, COORDS, 0.05)
    assert soft.item() == pytest.approx(token_ce_sum(logits, COORDS[bins]).item(), rel=1e-5)


def test_the_soft_gradient_is_finite_at_the_edges() -> None:
    logits = (100 * logits_of(2, seed=3)).requires_grad_()
    coord_soft_sum(logits, torch.tensor([0, 999]), COORDS, 1.0).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_both_losses_have_one_value_per_token_that_depends_on_its_row_alone() -> None:
    logits, bins = logits_of(4, seed=5), torch.tensor([1, 200, 700, 998])
    for rows in (token_ce(logits, COORDS[bins]), coord_soft(logits, bins, COORDS, 2.0)):
        assert rows.shape == (4,)
    alone = [coord_soft(logits[i : i + 1], bins[i : i + 1], COORDS, 2.0).item() for i in range(4)]
    assert coord_soft(logits, bins, COORDS, 2.0).tolist() == pytest.approx(alone)


def view_of(logits: torch.Tensor, bins: list[int], target: Target) -> CoordView:
    return CoordView(logits, torch.tensor(bins), COORDS, target)


BINS = [0, 13, 500, 998, 999]


@pytest.mark.parametrize("truncate", [None, 0, 8])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_soft_cross_entropy_w1_and_gate_are_those_of_their_formulas(
    truncate: int | None, temperature: float
) -> None:
    logits = logits_of(5, seed=6).double()
    view = view_of(logits, BINS, Target(1.5, truncate, temperature))
    grid = torch.arange(1000, dtype=torch.float64)
    away = grid - torch.tensor(BINS)[:, None]
    q = torch.exp(-0.5 * (away / 1.5) ** 2)
    if truncate is not None:
        q[away.abs() > truncate] = 0.0
    q = q / q.sum(-1, keepdim=True)
    scores = logits / temperature
    p = scores[:, COORDS].softmax(-1)
    entropy = -torch.special.xlogy(q, q).sum(-1)
    soft_ce = -(q * p.log()).sum(-1)
    w1 = (p.cumsum(-1) - q.cumsum(-1)).abs().sum(-1) / 999
    gate = -scores.softmax(-1)[:, COORDS].sum(-1).log()
    assert view.soft().tolist() == pytest.approx((soft_ce - entropy).tolist(), rel=1e-9, abs=1e-12)
    assert view.w1().tolist() == pytest.approx(w1.tolist(), rel=1e-9)
    assert view.gate().tolist() == pytest.approx(gate.tolist(), rel=1e-9)
    assert view.ce().tolist() == pytest.approx(
        [-math.log(row.softmax(-1)[b]) for row, b in zip(logits[:, COORDS], BINS, strict=True)]
    )
    left = -(1 - scores.softmax(-1)[:, COORDS].sum(-1)).log()
    assert text_gate(logits, COORDS, temperature).tolist() == pytest.approx(left.tolist())


@pytest.mark.parametrize(("said", "truth"), [(0, 999), (10, 30), (400, 400)])
def test_w1_of_a_model_that_is_sure_is_the_distance_over_999(said: int, truth: int) -> None:
    logits = torch.full((1, VOCABULARY), -1e4)
    logits[0, COORDS[said]] = 1e4
    w1 = view_of(logits, [truth], Target(1.0, truncate=0)).w1()
    assert w1.item() == pytest.approx(abs(said - truth) / 999, abs=1e-6)


def test_the_order_of_the_coordinate_tokens_is_that_of_their_bins_not_of_their_numbers() -> None:
    logits, turned = logits_of(5, seed=7), COORDS.flip(0)
    bins = torch.tensor(BINS)
    one = CoordView(logits, bins, COORDS, Target(2.0)).w1()
    other = CoordView(logits, bins, turned, Target(2.0)).w1()
    assert not torch.allclose(one, other)
    mirrored = CoordView(logits, 999 - bins, turned, Target(2.0)).w1()
    assert torch.allclose(one, mirrored, rtol=1e-4)


def test_every_loss_has_a_finite_gradient_at_logits_that_are_sure_and_wrong() -> None:
    logits = (200 * logits_of(2, seed=8)).requires_grad_()
    view = view_of(logits, [0, 999], Target(1.0, truncate=4, temperature=0.7))
    total = view.ce() + view.soft() + view.w1() + view.gate() + text_gate(logits, COORDS)
    total.sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
