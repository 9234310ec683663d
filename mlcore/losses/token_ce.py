"""Cross-entropy of plain tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def token_ce(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """-log p(target) of every token, in nats, [N]. logits [N, V], targets int64 [N]; N may be 0."""
    return F.cross_entropy(logits.float(), targets, reduction="none")
