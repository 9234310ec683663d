"""Rates and widths as pure functions of the step."""

from __future__ import annotations

import math

from mlcore.train.config import CoordLossConfig, OptimConfig


def rate(config: OptimConfig, step: int, steps: int) -> float:
    """The learning rate at `step` (from 0) of `steps`, as a share of the peak.

    Linear warm-up, hold at the peak, then constant, linear or cosine down to the floor, which the
    last step has.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    start = max(config.warmup_steps, math.ceil(config.hold * steps))
    if step < start or config.schedule == "constant":
        return 1.0
    done = (step - start) / max(1, steps - 1 - start)
    fall = done if config.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * done))
    return 1.0 - (1.0 - config.floor) * min(1.0, fall)


def sigma(config: CoordLossConfig, step: int, steps: int) -> float:
    """Width of the coordinate target in bins at `step`, linear from first to last step."""
    done = step / max(1, steps - 1)
    return config.sigma_start + (config.sigma_end - config.sigma_start) * done
