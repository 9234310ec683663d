"""What the crops share: which objects stay, and when a crop is not done at all."""

from __future__ import annotations

import numpy as np

from mlcore.augment.op import Outcome
from mlcore.augment.scene import Scene, Window
from mlcore.augment.shapes import Cut, Flags, Shapes


def enough(scene: Scene, cut: Cut, min_coverage: float) -> Flags:
    """For each object, whether at least this share of the whole object would still be there."""
    return ~cut.degenerate & (scene.seen.coverage * cut.kept >= min_coverage)


def lines_of(scene: Scene) -> Flags:
    """Which objects are lines."""
    return np.array([kind == "line" for kind in scene.shapes.kinds], dtype=np.bool_)


def place(rng: np.random.Generator, scene: Scene, width: int, height: int) -> Window:
    """A window of this size anywhere in the picture."""
    left = int(rng.integers(scene.width - width + 1))
    top = int(rng.integers(scene.height - height + 1))
    return left, top, width, height


def do_crop(
    scene: Scene, window: Window, would: tuple[Shapes, Cut], stays: Flags, threshold: float
) -> Outcome:
    """Crop the scene and say so."""
    kept = int(np.count_nonzero(stays))
    scene.crop(window, would, stays, threshold)
    return Outcome(detail={"window": list(window), "kept": kept, "dropped": len(stays) - kept})
