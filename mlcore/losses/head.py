"""The LM head and the losses on it, a chunk of positions at a time.

Logits are by far the largest tensor of a training step: positions times vocabulary. Here a chunk's
logits are made, scored, differentiated and dropped before the next chunk's, so no more than one
chunk of them is ever held, and nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

CHUNK_BYTES = 64 * 2**20
"""of one chunk's logits in float32, unless told otherwise"""

Score = Callable[[torch.Tensor, slice], tuple[torch.Tensor, torch.Tensor]]
"""hidden rows [n, D] and where they stand among all, to their loss (0-d) and values [n, T]"""


def rows_of(vocabulary: int, chunk_bytes: int = CHUNK_BYTES) -> int:
    """Positions of one chunk: as many as fit, at least one."""
    return max(1, chunk_bytes // (4 * vocabulary))


def chunked(
    score: Score,
    hidden: torch.Tensor,
    parameters: Sequence[torch.Tensor],
    spans: Sequence[slice],
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss (0-d) and values [N, T] of hidden rows [N, D], scored span by span.

    `spans` cover the rows in order. Every span gives the same number of values. `parameters` are
    all that `score` uses and that learns: gradients reach them and `hidden`, nothing else. Only
    the loss has a gradient, once.
    """
    learning = [p for p in parameters if p.requires_grad]
    if not torch.is_grad_enabled() or not (hidden.requires_grad or learning):
        parts = [score(hidden[span], span) for span in spans]
        return _total([loss for loss, _ in parts]), torch.cat([values for _, values in parts])
    out: tuple[torch.Tensor, torch.Tensor] = _Chunked.apply(  # type: ignore[no-untyped-call]
        score, spans, hidden, *learning
    )
    return out


class _Chunked(torch.autograd.Function):
    """Gradients are made while going forward, and only scaled while going back."""

    @staticmethod
    def forward(
        ctx: Any, score: Score, spans: Sequence[slice], hidden: torch.Tensor, *learning: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        d_hidden = torch.zeros_like(hidden)
        d_learning = [torch.zeros_like(p, dtype=_sum_type(p, spans)) for p in learning]
        losses, values = [], []
        for span in spans:
            with torch.enable_grad():
                rows = hidden[span].detach().requires_grad_()
                loss, told = score(rows, span)
            found = torch.autograd.grad(loss, [rows, *learning], allow_unused=True)
            d_hidden[span] = found[0]
            for total, part in zip(d_learning, found[1:], strict=True):
                if part is not None:
                    total += part
            losses.append(loss.detach())
            values.append(told.detach())
        cast = [d.to(p.dtype) for d, p in zip(d_learning, learning, strict=True)]
        ctx.save_for_backward(d_hidden, *cast)
        return _total(losses), torch.cat(values)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> tuple[Any, ...]:
        scale = outer[0]
        return (None, None, *(grad * scale.to(grad.dtype) for grad in ctx.saved_tensors))


def _sum_type(parameter: torch.Tensor, spans: Sequence[slice]) -> torch.dtype:
    """Sums over many chunks are kept in float32 at least, as one product would keep them."""
    narrow = parameter.dtype in (torch.bfloat16, torch.float16)
    return torch.float32 if narrow and len(spans) > 1 else parameter.dtype


def _total(losses: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack(list(losses)).sum()
