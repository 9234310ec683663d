"""The `merge` job."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from mlcore.run.context import RunContext
from mlcore.tuning.config import MergeConfig
from mlcore.tuning.merge import merge
from mlcore.tuning.stored import UNPROVEN, UNPROVEN_WORDS


def run(config: MergeConfig, ctx: RunContext) -> dict[str, Any]:
    """Merge, prove and report. Raises DataError where the result would not answer the same."""
    torch.set_num_threads(config.threads)
    ctx.events.status("running", "merging the adapter")
    done = merge(
        ctx.resolve(config.model),
        ctx.resolve(config.adapter),
        ctx.folder.artifacts / "model",
        dtype=config.dtype,
        tolerance=config.tolerance,
    )
    if not done.proven:
        ctx.events.warning(UNPROVEN, UNPROVEN_WORDS)
    return {
        "schema": "merge/1",
        "headline": {
            "difference": {"value": done.difference, "unit": "share", "n": done.positions},
            "rounding": {"value": done.rounding, "unit": "share", "n": done.positions},
        },
        **asdict(done),
    }
