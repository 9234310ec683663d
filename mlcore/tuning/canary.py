"""Two short prompts that every checkpoint can read, to tell whether two models are one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mlcore.chat.kit import RenderKit
from mlcore.chat.positions import Segment, position_ids
from mlcore.models.forward import hidden_states, lm_logits
from mlcore.tuning.targets import Model

TEXT = "0 1 2 3 4 5 6 7 8 9: what is to be seen here, and where?"
GRID = (2, 3)
"""rows and columns of the picture in merged tokens"""


@torch.inference_mode()
def canary_logits(model: Model, checkpoint: Path) -> torch.Tensor:
    """Logits float32 [positions, vocabulary] of a prompt with a picture and of one without, at
    every place. The tokens are those of the folder `checkpoint`."""
    kit = RenderKit.from_folder(checkpoint)
    text = list(kit.encode(TEXT))
    side = kit.patcher.multiple
    height, width = GRID[0] * side, GRID[1] * side
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    patches = kit.patcher(noise, "canary")
    image = [kit.ids.image_pad] * (GRID[0] * GRID[1])
    before, after = [kit.ids.im_start, kit.ids.vision_start], [kit.ids.vision_end, *text]
    seen = (*before, *image, *after)
    grids = torch.tensor([patches.grid])
    pixels = torch.from_numpy(patches.values)
    shown = _logits(model, seen, (len(before), (1, *GRID), len(after)), pixels, grids)
    told = _logits(model, (kit.ids.im_start, *text), (1 + len(text),), None, None)
    return torch.cat([shown, told])


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference of two tables of logits, as a share of the largest logit of `a`."""
    return float((a - b).abs().max() / a.abs().max().clamp(min=1.0))


def _logits(
    model: Model,
    ids: tuple[int, ...],
    segments: tuple[Segment, ...],
    pixels: torch.Tensor | None,
    grids: torch.Tensor | None,
) -> torch.Tensor:
    device = model.device
    positions = torch.from_numpy(position_ids(segments, 0))[:, None]
    states = hidden_states(
        model,
        torch.tensor([ids], device=device),
        positions.to(device),
        None if pixels is None else pixels.to(device, model.dtype),
        None if grids is None else grids.to(device),
    )
    return lm_logits(model, states[0]).float().cpu()
