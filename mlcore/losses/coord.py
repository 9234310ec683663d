"""Losses of coordinates: the 1000 coordinate tokens in the order of their bins.

With z [N, V] the logits of a position, T a temperature, t its bin, p the softmax of z / T over the
coordinate tokens alone and q a Gaussian around t:

    ce    -log softmax(z)[t] over the coordinate tokens, without temperature
    soft  sum_k q_k (log q_k - log p_k): cross-entropy against q, less the entropy of q, which no
          weight can change. It is 0 when the model equals the target, and rises when the target
          narrows, which is no divergence
    w1    sum_k |CDF_p(k) - CDF_q(k)| / 999: the share of the picture that mass has to move
    gate  -log of the mass that softmax(z / T) puts on coordinate tokens, and for text positions
          -log of the mass that it puts on all others

q_k is proportional to exp(-(k - t)^2 / (2 sigma^2)), 0 further than `truncate` bins from t, and
sums to 1 over the bins that exist. soft + gate is the same KL with p over the whole vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F

from mlcore.losses.numbers import wide


@dataclass(frozen=True)
class Target:
    """The width of the Gaussian in bins, where it is cut (bins from its middle, None: nowhere),
    and the temperature of what is compared with it."""

    sigma: float
    truncate: int | None = None
    temperature: float = 1.0


class CoordView:
    """Positions whose label is a coordinate, as the losses see them.

    logits [N, V]; bins int64 [N] in 0..999; coord_ids int64 [1000], the token of each bin. N may
    be 0. Every loss is [N], in nats but for w1.
    """

    def __init__(
        self, logits: torch.Tensor, bins: torch.Tensor, coord_ids: torch.Tensor, target: Target
    ) -> None:
        self._logits = wide(logits)
        self._bins = bins
        self._target = target
        self._slice = self._logits[:, coord_ids]

    @cached_property
    def _log_p(self) -> torch.Tensor:
        return (self._slice / self._target.temperature).log_softmax(-1)

    @cached_property
    def _log_q(self) -> torch.Tensor:
        target = self._target
        grid = torch.arange(self._slice.shape[1], device=self._bins.device)
        away = (grid - self._bins[:, None]).to(self._slice.dtype)
        scores = -0.5 * (away / target.sigma) ** 2
        if target.truncate is not None:
            scores = scores.masked_fill(away.abs() > target.truncate, -torch.inf)
        return scores.log_softmax(-1)

    def ce(self) -> torch.Tensor:
        return F.cross_entropy(self._slice, self._bins, reduction="none")

    def soft(self) -> torch.Tensor:
        q = self._log_q.exp()
        # A cut bin has q = 0 and log q = -inf; a far one q = 0 and log q finite: both cost nothing.
        log_q = self._log_q.masked_fill(q == 0, 0.0)
        return (q * (log_q - self._log_p)).sum(-1)

    def w1(self) -> torch.Tensor:
        apart = (self._log_p.exp() - self._log_q.exp()).cumsum(-1)
        return apart.abs().sum(-1) / (self._slice.shape[1] - 1)

    def gate(self) -> torch.Tensor:
        temperature = self._target.temperature
        every = (self._logits / temperature).logsumexp(-1)
        return every - (self._slice / temperature).logsumexp(-1)


def text_gate(
    logits: torch.Tensor, coord_ids: torch.Tensor, temperature: float = 1.0
) -> torch.Tensor:
    """-log of the mass that text positions leave for tokens that are no coordinates, [N]."""
    scores = wide(logits) / temperature
    return scores.logsumexp(-1) - scores.index_fill(1, coord_ids, -torch.inf).logsumexp(-1)
