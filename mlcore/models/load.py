"""Loading and saving checkpoint folders. Weights are safetensors and nothing else."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
from transformers.utils.logging import disable_progress_bar

from mlcore.errors import DataError
from mlcore.models.patch_embed import use_linear_patches
from mlcore.models.processor import read_processor, write_processor
from mlcore.models.stored import require_architecture, stored_tensors
from mlcore.models.tokens import coord_token_ids
from mlcore.models.vision_attention import use_batched_images

SHARD = "5GB"
"""largest file of weights"""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")


def refuse_pickles(folder: Path) -> None:
    """Raise DataError when a folder holds a file of a format that can run code on loading."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLES:
            raise DataError(
                f"{path.name} is a pickle; weights must be safetensors",
                hint="Convert the checkpoint to safetensors where it was made.",
                where=str(path),
            )


def load_processor(folder: Path) -> Qwen3VLProcessor:
    """The processor (tokenizer, image settings, chat template) of a checkpoint folder.

    Raises DataError when the folder is no checkpoint, holds pickles or lacks structural tokens.
    """
    _check_folder(folder)
    processor = read_processor(folder)
    coord_token_ids(processor.tokenizer.get_added_vocab(), str(folder))
    return processor


def load_model(
    folder: Path, dtype: torch.dtype | None = torch.float32, attention: str = "sdpa"
) -> Qwen3VLForConditionalGeneration:
    """The model of a checkpoint folder in evaluation mode on the CPU; without a `dtype` in the
    number format of its files.

    `attention` is the library's name of how attention is computed.

    Raises DataError when the folder is no checkpoint, of another architecture, holds pickles, or
    lacks a tensor or the end of a file.
    """
    _check_folder(folder)
    _quiet()
    if not stored_tensors(folder):
        raise DataError("the checkpoint has no safetensors file", where=str(folder))
    load: Any = Qwen3VLForConditionalGeneration.from_pretrained
    model: Qwen3VLForConditionalGeneration
    model, told = load(
        folder,
        dtype=dtype or "auto",
        attn_implementation=attention,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    if told["missing_keys"]:
        raise DataError(
            f"the checkpoint lacks {len(told['missing_keys'])} tensors, the first is "
            f"{min(told['missing_keys'])}",
            hint="An adapter or a part of a model is no checkpoint: merge or copy it whole.",
            where=str(folder),
        )
    use_linear_patches(model)
    use_batched_images(model)
    model.train(mode=False)
    return model


def load_untrained(
    folder: Path, seed: int, dtype: torch.dtype = torch.float32
) -> Qwen3VLForConditionalGeneration:
    """A model of a checkpoint's architecture with weights drawn from `seed`, not its own."""
    _check_folder(folder)
    config = Qwen3VLConfig.from_pretrained(folder, local_files_only=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3VLForConditionalGeneration(config)
    use_linear_patches(model)
    use_batched_images(model)
    nn.Module.to(model, dtype)
    model.train(mode=False)
    return model


def save_checkpoint(
    model: Qwen3VLForConditionalGeneration, processor: Qwen3VLProcessor, folder: Path
) -> None:
    """Write an ordinary checkpoint folder: config, safetensors, tokenizer, processor, template."""
    folder.mkdir(parents=True, exist_ok=True)
    _quiet()
    model.save_pretrained(folder, safe_serialization=True, max_shard_size=SHARD)
    write_processor(processor, folder)


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise DataError("not a checkpoint folder: config.json is missing", where=str(folder))
    require_architecture(folder)
    refuse_pickles(folder)


def _quiet() -> None:
    """Keep the library's progress bars out of the run's log."""
    silence: Callable[[], None] = disable_progress_bar
    silence()
