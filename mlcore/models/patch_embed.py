"""The patch embedding as one matrix product.

The library uses a 3-D convolution whose kernel equals its stride, so every output is one dot
product of a flattened patch. The product form gives the same numbers and is faster on CPUs.
Parameters and their names in a checkpoint stay those of the convolution.
"""
from __future__ import annotations

import torch
from torch.nn import functional
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionPatchEmbed


class LinearPatchEmbed(Qwen3VLVisionPatchEmbed):  # type: ignore[misc]
    """[patches, channels * frames * side * side] to [patches, hidden]."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        weight = self.proj.weight.flatten(1)
        return functional.linear(hidden_states.to(weight.dtype), weight, self.proj.bias)


def use_linear_patches(model: Qwen3VLForConditionalGeneration) -> None:
    """Swap the patch embedding's forward in place, keeping its parameters."""
    visual = model.model.visual
    replacement = LinearPatchEmbed(visual.config)
    replacement.proj = visual.patch_embed.proj
    visual.patch_embed = replacement
