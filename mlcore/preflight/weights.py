"""The tensors of a checkpoint folder by the headers of its files: nothing is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from mlcore.errors import DataError

MODEL_TYPE = "qwen3_vl"
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
    config = read_config(folder)
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


def read_config(folder: Path) -> Qwen3VLConfig:
    """The checkpoint's config. Raises DataError when it is of another architecture."""
    path = folder / "config.json"
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"config.json of the checkpoint: {error}", where=str(path)) from error
    found = raw.get("model_type") if isinstance(raw, dict) else None
    if found != MODEL_TYPE:
        names = raw.get("architectures") if isinstance(raw, dict) else None
        raise DataError(
            f"the checkpoint is of another architecture: {found} ({names}); wanted is {MODEL_TYPE}",
            hint="Start from a Qwen3-VL checkpoint; the text model alone has no vision tower.",
            where=str(folder),
        )
    config: Qwen3VLConfig = Qwen3VLConfig.from_pretrained(folder, local_files_only=True)
    return config


def stored_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of every tensor of the folder's safetensors files.

    Raises DataError naming a file that is corrupt or ends early.
    """
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 - no mapping
                    found[name] = tuple(file.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise DataError(
                f"{path.name} of the checkpoint is corrupt or half written: {error}",
                hint="Take an earlier checkpoint, or copy this one anew and compare its size.",
                where=str(path),
            ) from error
    return found


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
