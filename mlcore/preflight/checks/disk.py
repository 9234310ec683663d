"""Whether the checkpoints of the run fit on the disk."""

from __future__ import annotations

from mlcore.preflight.checks.memory import step_estimate
from mlcore.preflight.machine import free_disk
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene

ROOM = 1.2
"""what else a run writes, as a factor of its checkpoints"""
HINT = "Lower checkpoint.keep, free space on the host, or give another --run-dir."


def check(scene: Scene) -> Result:
    """BLOCK when not even one checkpoint and the model fit; WARN when those that stay do not.

    A checkpoint holds the weights and the optimiser. One more than `keep` lie on the disk while
    the newest is written, and the model itself at the end.
    """
    found = step_estimate(scene)
    each = found.weights + found.optimiser
    needed = int(ROOM * (each * (scene.config.checkpoint.keep + 1) + found.weights))
    least = each + found.weights
    free = free_disk(scene.checkpoints)
    figures = {
        "checkpoint": each,
        "keep": scene.config.checkpoint.keep,
        "needed": needed,
        "free": free,
    }
    message = (
        f"checkpoints of {each / 2**20:,.0f} MiB, {needed / 2**20:,.0f} MiB in all, "
        f"{free / 2**20:,.0f} MiB free"
    )
    if free < least:
        return Result("disk", "BLOCK", message, figures, HINT)
    if free < needed:
        return Result("disk", "WARN", message, figures, HINT)
    return Result("disk", "PASS", message, figures)
