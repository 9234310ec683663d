"""The divergence between teacher and student: its closed forms, and the gradient it computes."""

from __future__ import annotations

import math

import pytest
import torch

from mlcore.losses.jsd import jsd

BETAS = [0.0, 0.1, 0.5, 0.9, 1.0]


def logits_of(rows: int, seed: int, scale: float = 2.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(rows, 50, generator=generator, dtype=torch.float64)


def reference(
    student: torch.Tensor, teacher: torch.Tensor, beta: float, temperature: float
) -> torch.Tensor:
    """The definition, written out with plain probabilities and left to autograd, [N]."""
    s, t = ((z / temperature).softmax(-1) for z in (student, teacher))

    def kl(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        return (p * (p / q).log()).sum(-1)

    if beta == 0:
        return kl(t, s)
    if beta == 1:
        return kl(s, t)
    mixture = beta * t + (1 - beta) * s
    return beta * kl(t, mixture) + (1 - beta) * kl(s, mixture)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_values_and_gradients_are_those_of_the_definition(beta: float, temperature: float) -> None:
    student, teacher = logits_of(6, 1).requires_grad_(), logits_of(6, 2)
    ours = jsd(student, teacher, beta, temperature)
    theirs = reference(student, teacher, beta, temperature)
    assert torch.allclose(ours, theirs, atol=1e-12)
    outer = torch.linspace(0.2, 1.5, 6, dtype=torch.float64)
    (mine,) = torch.autograd.grad((ours * outer).sum(), student)
    (its,) = torch.autograd.grad((theirs * outer).sum(), student)
    assert torch.allclose(mine, its, atol=1e-12)
    assert mine.abs().max() > 1e-4


def coin(share: float) -> torch.Tensor:
    return torch.tensor([[math.log(share), math.log(1 - share)]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("beta", "value"),
    [
        (0.0, 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)),
        (1.0, 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)),
        (
            0.5,
            0.5 * (0.5 * math.log(0.5 / 0.375) + 0.5 * math.log(0.5 / 0.625))
            + 0.5 * (0.25 * math.log(0.25 / 0.375) + 0.75 * math.log(0.75 / 0.625)),
        ),
    ],
)
def test_two_coins_have_the_divergence_of_the_textbook(beta: float, value: float) -> None:
    assert jsd(coin(0.25), coin(0.5), beta, 1.0).item() == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("beta", BETAS)
def test_a_student_that_equals_its_teacher_has_nothing_to_learn(beta: float) -> None:
    student = logits_of(4, 3).requires_grad_()
    losses = jsd(student, student.detach() + 7.0, beta, 1.0)
    losses.sum().backward()
    assert losses.abs().max() < 1e-12
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-12


@pytest.mark.parametrize("beta", [0.2, 0.5, 0.8])
def test_the_mixed_divergence_is_bounded_by_the_entropy_of_its_coin(beta: float) -> None:
    student, teacher = logits_of(8, 4, scale=60.0), logits_of(8, 5, scale=60.0)
    entropy = -beta * math.log(beta) - (1 - beta) * math.log(1 - beta)
    losses = jsd(student, teacher, beta, 1.0)
    assert torch.isfinite(losses).all()
    assert losses.max() <= entropy + 1e-12


@pytest.mark.parametrize("beta", BETAS)
def test_rows_do_not_know_of_each_other(beta: float) -> None:
    student, teacher = logits_of(5, 6), logits_of(5, 7)
    whole = jsd(student, teacher, beta, 1.0)
    parts = [jsd(s[None], t[None], beta, 1.0) for s, t in zip(student, teacher, strict=True)]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-14)
    assert jsd(student[:0], teacher[:0], beta, 1.0).shape == (0,)


def test_the_teacher_and_both_logits_stay_as_they_are() -> None:
    student, teacher = logits_of(3, 8).requires_grad_(), logits_of(3, 9).requires_grad_()
    before = student.detach().clone(), teacher.detach().clone()
    jsd(student, teacher, 0.5, 1.0).sum().backward()
    assert teacher.grad is None
    assert torch.equal(student, before[0])
    assert torch.equal(teacher, before[1])


def test_half_precision_is_computed_in_single() -> None:
    student, teacher = logits_of(4, 10).float(), logits_of(4, 11).float()
    narrow = jsd(student.bfloat16(), teacher.bfloat16(), 0.5, 1.0)
    assert narrow.dtype == torch.float32
    assert torch.allclose(narrow, jsd(student, teacher, 0.5, 1.0), rtol=0.05, atol=1e-2)
