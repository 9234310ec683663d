"""Where a model runs."""

from __future__ import annotations

import torch

from mlcore.errors import ConfigError


def pick_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one. Raises ConfigError for `cuda` where there is none."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("device is cuda, but this host has no usable GPU")
    return torch.device("cuda" if available and name != "cpu" else "cpu")
