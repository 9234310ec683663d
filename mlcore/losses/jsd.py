"""Generalised Jensen-Shannon divergence between what a teacher and a student say next.

Agarwal et al., "On-Policy Distillation of Language Models" (2024), equation 1. With t and s the
two distributions at the same temperature and m = beta t + (1 - beta) s:

    0 < beta < 1    beta KL(t || m) + (1 - beta) KL(s || m)
    beta = 0        KL(t || s), the forward KL
    beta = 1        KL(s || t), the reverse KL

The two ends are not limits of the middle, which goes to 0 at both; they are its limits divided by
beta and by 1 - beta.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch.autograd.function import FunctionCtx, once_differentiable


def jsd(
    student: torch.Tensor, teacher: torch.Tensor, beta: float, temperature: float
) -> torch.Tensor:
    """The divergence of every row, in nats, [N], with a gradient for the student alone.

    Logits [N, V] of the same vocabulary; beta in 0..1; temperature above 0. It keeps one tensor
    [N, V] for the backward pass: the gradient itself, which is known in closed form.
    """
    assert student.shape == teacher.shape, (student.shape, teacher.shape)
    out: torch.Tensor = cast("Any", _Jsd).apply(student, teacher.detach(), beta, temperature)
    return out


class _Jsd(torch.autograd.Function):
    """Backward needs the gradient of every row alone, so forward computes it in place."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        student: torch.Tensor,
        teacher: torch.Tensor,
        beta: float,
        temperature: float,
    ) -> torch.Tensor:
        log_s = _log_softmax(student, temperature)
        log_t = _log_softmax(teacher, temperature)
        losses, gradient = divergence(log_s, log_t, beta)
        ctx.save_for_backward(gradient.div_(temperature).to(student.dtype))
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[:, None].to(gradient.dtype), None, None, None


def divergence(
    log_s: torch.Tensor, log_t: torch.Tensor, beta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses [N] of log-probabilities [N, V], and their gradient [N, V] by the student's logits.

    With z the student's logits and s their softmax, dL/dz = s (g - sum(s g)) where g = dL/ds:
    forward KL gives s - t; reverse KL s (r - L) with r = log s - log t; and the middle
    (1 - beta) s (r - KL(s || m)) with r = log s - log m. Overwrites both arguments.
    """
    if beta == 0:
        t = log_t.exp()
        losses = (t * (log_t - log_s)).sum(-1)
        return losses, log_s.exp_().sub_(t)
    if beta == 1:
        ratio = log_s - log_t
        weighted = log_s.exp_()
        losses = (weighted * ratio).sum(-1)
        return losses, weighted.mul_(ratio.sub_(losses[:, None]))
    log_m = torch.logaddexp(log_t + math.log(beta), log_s + math.log1p(-beta))
    to_teacher = (log_t.exp() * log_t.sub_(log_m)).sum(-1)
    ratio = log_m.neg_().add_(log_s)
    weighted = log_s.exp_()
    to_student = (weighted * ratio).sum(-1)
    losses = beta * to_teacher + (1 - beta) * to_student
    return losses, weighted.mul_(ratio.sub_(to_student[:, None])).mul_(1 - beta)


def _log_softmax(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """In float32 at least, as a tensor of its own."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return (wide / temperature if temperature != 1 else wide).log_softmax(-1)
