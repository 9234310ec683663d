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

    A restartable checkpoint holds the trained weights and the optimiser. One more than `keep` lie
    on the disk while the newest is written, the best one stays beside them, and the model or its
    adapter is written at the end.
    """
    found, saving = step_estimate(scene), scene.config.checkpoint
    output = found.gradients if scene.trained.adapters else found.weights
    each = output if saving.type == "weights_only" else found.gradients + found.optimiser
    copies = saving.keep + 1 + (saving.best is not None)
    needed = int(ROOM * (each * copies + output))
    least = each + output
    free = free_disk(scene.checkpoints)
    figures = {
        "checkpoint": each,
        "copies": copies,
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
