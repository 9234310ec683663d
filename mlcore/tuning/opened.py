"""A checkpoint, with an adapter or without one, ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from mlcore.models.load import load_model
from mlcore.tuning.stored import UNPROVEN, UNPROVEN_WORDS, load_adapted
from mlcore.tuning.targets import Model


def open_model(
    folder: Path,
    adapter: Path | None,
    dtype: torch.dtype,
    device: torch.device,
    warn: Callable[[str, str], None],
) -> Model:
    """The model in evaluation mode on a device. `warn` hears of an adapter that names no
    checkpoint. Raises DataError where a folder is none or the two do not belong together."""
    if adapter is None:
        model = load_model(folder, dtype)
    else:
        adapted = load_adapted(folder, adapter, dtype)
        if not adapted.proven:
            warn(UNPROVEN, UNPROVEN_WORDS)
        model = adapted.model
    nn.Module.to(model, device)
    return model
