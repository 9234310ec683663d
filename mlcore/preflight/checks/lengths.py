"""Lengths of samples in tokens, against the one length knob and the model's own limit."""

from __future__ import annotations

import math

import numpy as np

from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene

OVER_SHARE = 0.5
"""share of records left out from which on it is said also where over_length.max_share allows it"""
STEP = 64
"""suggested limits are multiples of it"""


def check(scene: Scene) -> Result:
    """WARN when most records are left out; BLOCK over the model's positions.

    More than `over_length.max_share` never come here: they stop the run before.
    """
    limit = scene.config.global_max_length
    lengths = np.array([n for found in scene.prepared.sifted for n in found.lengths])
    over = int((lengths > limit).sum())
    longest = int(lengths.max())
    suggested = STEP * math.ceil(longest / STEP)
    p50, p95 = (float(np.percentile(lengths, q)) for q in (50, 95))
    positions = int(scene.weights.config.text_config.max_position_embeddings)
    figures = {
        "records": len(lengths),
        "mean": float(lengths.mean()),
        "p50": p50,
        "p95": p95,
        "longest": longest,
        "limit": limit,
        "over": over,
        "over_share": over / len(lengths),
        "suggested": suggested,
        "positions": positions,
    }
    message = (
        f"half of the records have up to {p50:.0f} tokens, 95 % up to {p95:.0f}, the longest "
        f"{longest}; {over} are longer than global_max_length {limit}"
    )
    if limit > positions and longest > positions:
        hint = f"Lower global_max_length to {positions}, or start from a model that reads more."
        said = f"{message}; the model has {positions} positions"
        return Result("lengths", "BLOCK", said, figures, hint)
    if over > OVER_SHARE * len(lengths):
        hint = (
            f"Set global_max_length: {suggested} to keep all, or make the images smaller when the "
            "dataset is made. Nothing is ever cut."
        )
        return Result("lengths", "WARN", message, figures, hint)
    hint = f"global_max_length: {suggested} would do" if limit >= 2 * suggested else ""
    return Result("lengths", "PASS", message, figures, hint)
