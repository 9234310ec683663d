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

    def rows(
        self, bins: torch.Tensor, size: int, dtype: torch.dtype
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """q [N, size] around each of the bins, int64 [N], and sum_k q_k log q_k, [N].

        Every row is a window of one curve, and its sums are differences of running sums.
        """
        away = torch.arange(1 - size, size, device=bins.device, dtype=torch.float64)
        scores = -0.5 * (away / self.sigma) ** 2
        curve = scores.exp()
        if self.truncate is not None:
            curve[away.abs() > self.truncate] = 0.0
        begin = size - 1 - bins
        mass, energy = (F.pad(values.cumsum(0), (1, 0)) for values in (curve, curve * scores))
        total = mass[begin + size] - mass[begin]
        negentropy = (energy[begin + size] - energy[begin]) / total - total.log()
        q = curve.to(dtype).unfold(0, size, 1)[begin]
        return q.div_(total[:, None].to(dtype)), negentropy.to(dtype)


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
    def _scores(self) -> torch.Tensor:
        return _cooled(self._slice, self._target.temperature)

    @cached_property
    def _log_p(self) -> torch.Tensor:
        return self._scores.log_softmax(-1)

    def ce(self) -> torch.Tensor:
        return F.cross_entropy(self._slice, self._bins, reduction="none")

    def soft(self) -> torch.Tensor:
        q, negentropy = self._target.rows(self._bins, self._slice.shape[1], self._slice.dtype)
        return negentropy - (q * self._log_p).sum(-1)

    def w1(self) -> torch.Tensor:
        q, _ = self._target.rows(self._bins, self._slice.shape[1], self._slice.dtype)
        apart = (self._log_p.exp() - q).cumsum(-1)
        return apart.abs().sum(-1) / (self._slice.shape[1] - 1)

    def gate(self) -> torch.Tensor:
        every = _cooled(self._logits, self._target.temperature).logsumexp(-1)
        # log p = score - logsumexp of the scores in every bin; in the likeliest one p is at least
        # 1/1000, so nothing is lost to rounding.
        best = self._scores.argmax(-1, keepdim=True)
        return every - (self._scores.gather(1, best) - self._log_p.gather(1, best))[:, 0]


def text_gate(
    logits: torch.Tensor, coord_ids: torch.Tensor, temperature: float = 1.0
) -> torch.Tensor:
    """-log of the mass that text positions leave for tokens that are no coordinates, [N]."""
    scores = _cooled(wide(logits), temperature)
    return scores.logsumexp(-1) - scores.index_fill(1, coord_ids, -torch.inf).logsumexp(-1)


def _cooled(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Logits over a temperature; not copied where it is 1."""
    return logits if temperature == 1.0 else logits / temperature
