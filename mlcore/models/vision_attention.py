"""Attention of the vision tower over all images of one size at once.

The library goes through the images one by one. Neighbours that have as many patches as each other
are the rows of one batch here: the same numbers from fewer and larger products. Parameters and
their names in a checkpoint stay the library's.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import torch
from torch.nn import functional
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLVisionAttention,
    apply_rotary_pos_emb_vision,
)

from mlcore.models.segments import SDPA


class BatchedVisionAttention(Qwen3VLVisionAttention):  # type: ignore[misc]
    """Patches [N, hidden] of images that stand one after the other, each image within itself."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        cu_seqlens: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        **rest: Any,
    ) -> torch.Tensor:
        if self.config._attn_implementation != SDPA:
            out: torch.Tensor = super().forward(
                hidden_states, cu_seqlens, position_embeddings=position_embeddings, **rest
            )
            return out
        whole = self.qkv(hidden_states).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = whole.unbind(1)
        query, key = apply_rotary_pos_emb_vision(query, key, *position_embeddings)
        parts, start = [], 0
        for patches, same in groupby(cu_seqlens.diff().tolist()):
            shape = (len(list(same)), patches)
            stop = start + shape[0] * patches
            q, k, v = (
                x[start:stop].unflatten(0, shape).transpose(1, 2) for x in (query, key, value)
            )
            seen = functional.scaled_dot_product_attention(q, k, v, scale=self.scaling)
            parts.append(seen.transpose(1, 2).reshape(stop - start, -1))
            start = stop
        return self.proj(torch.cat(parts) if len(parts) > 1 else parts[0])  # type: ignore[no-any-return]


def use_batched_images(model: Qwen3VLForConditionalGeneration) -> None:
    """Swap the forward of the vision tower's attention in place, keeping its parameters."""
    for block in model.model.visual.blocks:
        replacement = BatchedVisionAttention(block.attn.config)
        replacement.qkv, replacement.proj = block.attn.qkv, block.attn.proj
        block.attn = replacement
