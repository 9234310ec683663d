"""The number format in which losses are computed."""

from __future__ import annotations

import torch


def wide(values: torch.Tensor) -> torch.Tensor:
    """The values in float32, or as they are where that would narrow them."""
    return values if values.dtype == torch.float64 else values.float()
