"""The tensors of a checkpoint folder by the headers of its files: nothing is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from mlcore.models.stored import Stored, require_architecture, stored_tensors

Shapes = Mapping[str, tuple[int, ...]]
NUMBERS = {"F64": "float64", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}
"""kinds of numbers that weights may be stored in, by safetensors' names and by torch's"""


@dataclass(frozen=True)
class Weights:
    """Tensors by name: `stored` as the headers of the files have them, `wanted` the shapes that
    config.json asks for.

    `tied` are wanted names that share the memory of another and need not be stored.
    """

    stored: Mapping[str, Stored]
    wanted: Shapes
    tied: frozenset[str]
    config: Any
    """the library's Qwen3VLConfig"""

    @property
    def missing(self) -> list[str]:
        """Wanted tensors that no file has."""
        return [n for n in self.wanted if n not in self.stored and n not in self.tied]

    @property
    def misshapen(self) -> list[str]:
        """Stored tensors of another shape than is wanted, with both."""
        return [
            f"{name} {list(tensor.shape)} for {list(self.wanted[name])}"
            for name, tensor in self.stored.items()
            if name in self.wanted and self.wanted[name] != tensor.shape
        ]

    @property
    def unexpected(self) -> list[str]:
        """Stored tensors that the model has no place for; the library would leave them out."""
        return [name for name in self.stored if name not in self.wanted]

    @property
    def no_numbers(self) -> list[str]:
        """Stored tensors of a kind that a run cannot learn from: integers, eight bits."""
        return [
            f"{name} {tensor.numbers}"
            for name, tensor in self.stored.items()
            if name in self.wanted and tensor.numbers not in NUMBERS
        ]

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
        stored_tensors(folder),
        {name: tuple(tensor.shape) for name, tensor in state.items()},
        frozenset(tied),
        config,
    )


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
