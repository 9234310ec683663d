"""Number formats while training: what is kept in which, and the checks before a model is loaded.

With `dtype: bfloat16` the arithmetic is bfloat16 by autocast, as the field trains: trained weights,
their gradients and the optimiser's state are float32 masters, frozen weights are bfloat16, and the
model that comes out is bfloat16 throughout.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.errors import ConfigError
from mlcore.train.config.precision import PrecisionKeys

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def check_attention(config: PrecisionKeys) -> None:
    """Raises ConfigError when this host cannot compute attention as the config says."""
    if config.attention != "flash_attention_2":
        return
    lacking = []
    if find_spec("flash_attn") is None:
        lacking.append("the package flash_attn is not installed")
    if not torch.cuda.is_available():
        lacking.append("there is no GPU")
    if lacking:
        raise ConfigError(
            f"attention: flash_attention_2 cannot be used: {' and '.join(lacking)}",
            hint="Write attention: sdpa, which gives the same result and is in torch.",
            where="attention",
        )


def loading_format(config: PrecisionKeys, folder: Path) -> torch.dtype:
    """The format to load a checkpoint in, so that no trained weight is rounded on the way: its
    own where masters are float32, and that of the arithmetic otherwise."""
    if config.dtype == "float32" or config.master_dtype == config.dtype:
        return FORMATS[config.dtype]
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stored = about.get("dtype") or about.get("torch_dtype")
    return torch.bfloat16 if stored == "bfloat16" else torch.float32


def prepare_model(model: Qwen3VLForConditionalGeneration, config: PrecisionKeys) -> None:
    """Bring the weights into their formats, which of them are trained being settled; and have
    activations computed again where the config says so."""
    for parameter in model.parameters():
        wanted = config.master_dtype if parameter.requires_grad else config.dtype
        parameter.data = parameter.data.to(FORMATS[wanted])
    if config.gradient_checkpointing:
        enable: Callable[..., None] = model.activation_checkpointing_enable
        enable(activation_checkpointing_kwargs={"use_reentrant": False})


def finish_model(model: nn.Module, config: PrecisionKeys) -> None:
    """Bring all weights into the format that the model comes out in."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(FORMATS[config.dtype])


def arithmetic(config: PrecisionKeys, device: torch.device) -> AbstractContextManager[None]:
    """A context for every forward pass, of training and of looks alike."""
    if config.dtype == config.master_dtype:
        return nullcontext()
    context: AbstractContextManager[None] = torch.autocast(device.type, FORMATS[config.dtype])
    return context
