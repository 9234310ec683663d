"""Cross-entropy of plain tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def token_ce_sum(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum over tokens of -log p(target), in nats. logits [N, V], targets int64 [N]; N may be 0."""
    return F.cross_entropy(logits.float(), targets, reduction="sum")
