"""Where a model runs, and in which numbers."""

from __future__ import annotations

import torch

from mlcore.errors import ConfigError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""number formats by their names in configs"""


def pick_device(name: str, rank: int = 0) -> torch.device:
    """`auto` is a GPU where there is one; of several GPUs, `rank` takes its own in turn.

    Raises ConfigError for `cuda` where there is none.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cuda" and not count:
        raise ConfigError("device is cuda, but this host has no usable GPU")
    return torch.device("cuda", rank % count) if count and name != "cpu" else torch.device("cpu")
