"""The tensors of a checkpoint folder by the headers of its files: nothing is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from mlcore.models.stored import require_architecture, stored_shapes

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Weights:
    """Shapes by name: `stored` as the files have them, `wanted` as config.json asks for them.

    `tied` are wanted names that share the memory of another and need not be stored.
    """

    stored: Shapes
    wanted: Shapes
    tied: frozenset[str]
    config: Any
    """the library's Qwen3VLConfig"""

    @property
    def parameters(self) -> int:
        """Parameters of the model, shared ones counted once."""
        return sum(_size(shape) for name, shape in self.wanted.items() if name not in self.tied)


def read_weights(folder: Path) -> Weights:
    """Raises DataError for another architecture and for files that cannot be read."""
    require_architecture(folder)
    config: Any = Qwen3VLConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(config)
    state = model.state_dict()
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    return Weights(
        stored_shapes(folder),
        {name: tuple(tensor.shape) for name, tensor in state.items()},
        frozenset(tied),
        config,
    )


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
