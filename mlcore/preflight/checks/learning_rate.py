"""Rates that train nothing, never reach their peak, or are far from what works."""

from __future__ import annotations

from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene

LARGE = 200_000_000
"""parameters from which on the usual rates hold"""
USUAL = (1e-6, 1e-3)
USUAL_OF_ADAPTERS = (1e-5, 5e-3)
"""rates of AdamW outside of which a large model diverges or hardly moves"""
LONG = 100
"""shorter runs are trials, whose warm-up may be all there is"""


def check(scene: Scene) -> Result:
    """BLOCK when nothing trains; WARN on a rate for a part of which nothing does, on a warm-up as
    long as the run, and on rates far off for a large model."""
    config, learned = scene.config.optim, scene.trained
    figures = {
        "lr": config.lr,
        "trained": learned.total,
        **{f"trained_{group}": count for group, count in learned.by_group.items()},
    }
    message = f"{learned.total:,} weights train, AdamW's rate is {config.lr:g}"
    if not learned.total:
        hint = "Leave a part of the model free, or train adapters."
        return Result("learning_rate", "BLOCK", "no weight is trained", figures, hint)
    idle = [group for group in config.own_rates if not learned.by_group[group]]
    if idle:
        said = f"{idle[0]}_lr is set, but nothing of {idle[0]} is trained"
        hint = "Take the rate out, or train a part of that group."
        return Result("learning_rate", "WARN", said, figures, hint)
    warmup = config.warmup(scene.config.steps)
    if scene.config.steps >= LONG and warmup >= scene.config.steps:
        said = f"the warm-up of {warmup} steps is longer than the run"
        return Result("learning_rate", "WARN", said, figures, "Lower optim.warmup_steps.")
    low, high = USUAL_OF_ADAPTERS if learned.adapters else USUAL
    if learned.parameters >= LARGE and not low <= config.lr <= high:
        usual = "1e-4 for adapters" if learned.adapters else "5e-5 for all weights"
        hint = f"Convergence is slow or fails far from the usual: about {usual}."
        return Result("learning_rate", "WARN", message, figures, hint)
    return Result("learning_rate", "PASS", message, figures)
