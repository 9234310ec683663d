"""What the library itself says of a batch, as the reference of what ours says."""

from __future__ import annotations

from typing import Any

import torch

from mlcore.chat.collate import ModelBatch


def full_logits(model: Any, batch: ModelBatch) -> torch.Tensor:
    """The library's own logits of every place: [B, L, V]."""
    logits: torch.Tensor = model(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        pixel_values=batch.pixel_values,
        image_grid_thw=batch.image_grid_thw,
        use_cache=False,
    ).logits
    return logits
