"""What a run says of its data before the first step, and in its report."""

from __future__ import annotations

from typing import Any

from mlcore.chat.overlength import REASON
from mlcore.fusion.plan import EpochPlan
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256
from mlcore.train.config import SftConfig
from mlcore.train.order import FusionOrder
from mlcore.train.prepare import Prepared

PLAN_FILE = "fusion-plan.json"


def announce(config: SftConfig, ctx: RunContext, prepared: Prepared) -> None:
    """Tell of records that are too long, and show the plan of a mixture's first epoch."""
    total = sum(found.total for found in prepared.sifted)
    dropped = sum(len(found.dropped) for found in prepared.sifted)
    if dropped and not ctx.resuming:
        ctx.events.metric(
            0, {"data/over_length": dropped, "data/over_length_share": dropped / total}
        )
    for member, found in zip(prepared.data.members, prepared.sifted, strict=True):
        if found.dropped:
            sentence = f"{member.dataset.name}: {found.sentence()}; they are left out"
            ctx.events.warning(REASON, sentence)
    if isinstance(prepared.order, FusionOrder):
        _show_plan(config, ctx, prepared.order.first)


def dataset_rows(config: SftConfig, prepared: Prepared) -> list[dict[str, Any]]:
    """One row for each dataset: what it is, what it gave in the run, and what was left out."""
    drawn = prepared.order.drawn(config.steps)
    rows = []
    for member, found, count in zip(
        prepared.data.members, prepared.sifted, drawn, strict=True
    ):
        rows.append(
            {
                "name": member.config.name,
                "dataset": member.config.dataset,
                "fingerprint": member.fingerprint,
                "split": member.config.conversations or member.config.split,
                "records": len(found.kept),
                "samples": count,
                "over_length": found.report(),
            }
        )
    return rows


def _show_plan(config: SftConfig, ctx: RunContext, plan: EpochPlan) -> None:
    """Write the plan as an artifact and say it in one sentence."""
    path = ctx.folder.artifacts / PLAN_FILE
    write_json(path, plan.to_json())
    ctx.events.artifact(
        PLAN_FILE,
        path.relative_to(ctx.folder.root).as_posix(),
        file_sha256(path),
        path.stat().st_size,
        "application/json",
    )
    parts = ", ".join(f"{row.quota} of {row.name} ({row.role})" for row in plan.rows)
    ctx.events.status("loading", f"an epoch is {len(plan)} samples: {parts}")
    for row in plan.rows:
        if row.note:
            ctx.events.warning("fusion_quota", f"{row.name}: {row.note}")
