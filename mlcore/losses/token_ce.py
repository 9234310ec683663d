"""Cross-entropy of plain tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from mlcore.losses.numbers import wide


def token_ce(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """-log p(target) of every token, in nats, [N]. logits [N, V], targets int64 [N]; N may be 0."""
    return F.cross_entropy(wide(logits), targets, reduction="none")
