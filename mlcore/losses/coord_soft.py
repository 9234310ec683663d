"""Soft loss of coordinates: KL from a Gaussian over the 1000 bins to the model.

KL(q || p) = sum_k q_k (log q_k - log p_k), q_k proportional to exp(-(k - t)^2 / (2 sigma^2)), with
p over the whole vocabulary, so probability outside the coordinate tokens costs too. It is 0 when
the model equals the target; its value rises when sigma narrows, which is no divergence.
"""

from __future__ import annotations

import torch


def coord_soft(
    logits: torch.Tensor, bins: torch.Tensor, coord_ids: torch.Tensor, sigma: float
) -> torch.Tensor:
    """The KL of every coordinate, in nats, [N].

    logits [N, V]; bins int64 [N] in 0..999; coord_ids int64 [1000], the token of each bin; sigma
    in bins. N may be 0.
    """
    log_p = logits.float().log_softmax(-1)[:, coord_ids]
    grid = torch.arange(len(coord_ids), device=bins.device, dtype=torch.float32)
    log_q = (-0.5 * ((grid - bins[:, None]) / sigma) ** 2).log_softmax(-1)
    q = log_q.exp()
    # Far bins have q = 0 in float32 and log q finite, so the product is exactly 0 there.
    return (q * (log_q - log_p)).sum(-1)
