"""Rates and widths as pure functions of the step."""

from __future__ import annotations

import math

from mlcore.train.config import CoordLossConfig, OptimConfig


def rate(config: OptimConfig, step: int, steps: int, floor: float) -> float:
    """The learning rate at `step` (from 0) of `steps`, as a share of the peak.

    Linear warm-up, hold at the peak, then constant, linear or cosine down to `floor`, a share of
    the peak too, which the last step has.
    """
    warmup = config.warmup(steps)
    if step < warmup:
        return (step + 1) / warmup
    start = max(warmup, math.ceil(config.hold * steps))
    if step < start or config.schedule == "constant":
        return 1.0
    done = (step - start) / max(1, steps - 1 - start)
    fall = done if config.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * done))
    return 1.0 - (1.0 - floor) * min(1.0, fall)


def sigma(config: CoordLossConfig, step: int, steps: int) -> float:
    """Width of the coordinate target in bins at `step`, linear from first to last step."""
    done = step / max(1, steps - 1)
    return config.sigma_start + (config.sigma_end - config.sigma_start) * done
