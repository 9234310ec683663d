"""Sizes of the splits: a held-out split of a few images measures nothing."""

from __future__ import annotations

from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene

FEW = 3
"""fewest held-out records of all targets together; each target has two at least"""


def check(scene: Scene) -> Result:
    """WARN when a batch is larger than all data, or a target has nearly nothing held out."""
    train = sum(1 for _ in scene.train())
    val = {m.config.name: len(m.val) for m in scene.data.targets}
    batch = scene.config.batch_size
    figures = {"train": train, "val": sum(val.values()), "batch_size": batch}
    message = f"{train:,} records to learn from, {sum(val.values()):,} held out"
    if train < batch:
        said = f"{message}; a batch of {batch} shows every record more than once"
        hint = "Lower batch_size, or add data."
        return Result("splits", "WARN", said, figures, hint)
    few = sum(val.values()) < FEW or min(val.values()) < 2
    if few and scene.config.evaluation.images:
        name = min(val, key=lambda target: val[target])
        said = f"{message}; {name} has {val[name]}"
        hint = "Draw a larger val split at import, or set evaluation.images: 0."
        return Result("splits", "WARN", said, figures, hint)
    return Result("splits", "PASS", message, figures)
