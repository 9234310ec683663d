"""What the crops share: which objects stay, and when a crop is not done at all."""

from __future__ import annotations

import numpy as np

from mlcore.augment.op import Outcome
from mlcore.augment.scene import Scene, Window
from mlcore.geometry.clip import Clipped


def enough(scene: Scene, cut: list[Clipped], min_coverage: float) -> list[bool]:
    """For each object, whether at least this share of the whole object would still be there."""
    return [
        not clipped.degenerate and item.coverage * clipped.kept >= min_coverage
        for item, clipped in zip(scene.items, cut, strict=True)
    ]


def place(rng: np.random.Generator, scene: Scene, width: int, height: int) -> Window:
    """A window of this size anywhere in the picture."""
    left = int(rng.integers(scene.width - width + 1))
    top = int(rng.integers(scene.height - height + 1))
    return left, top, width, height


def do_crop(
    scene: Scene, window: Window, cut: list[Clipped], keep: list[bool], threshold: float
) -> Outcome:
    """Crop the scene and say so."""
    kept = sum(keep)
    scene.crop(window, cut, keep, threshold)
    return Outcome(detail={"window": list(window), "kept": kept, "dropped": len(keep) - kept})
