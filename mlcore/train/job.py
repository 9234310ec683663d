"""The `sft` job: its start, and what each rank of it does."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import Qwen3VLForConditionalGeneration

from mlcore.distill.agreement import require_agreement
from mlcore.metrics.exporter import facts_of, followed
from mlcore.models.load import load_processor, save_checkpoint
from mlcore.preflight.engine import checked
from mlcore.run.context import RunContext
from mlcore.train.announce import dataset_rows
from mlcore.train.config import LocalEngine as LocalConfig
from mlcore.train.config import SftConfig
from mlcore.train.launch import launch
from mlcore.train.looks import Looks, views_of
from mlcore.train.precision import check_attention, finish_model
from mlcore.train.prepare import Prepared
from mlcore.train.setup import build_trainer, teacher_folder
from mlcore.train.trainer import Trainer
from mlcore.train.zero import require_deepspeed
from mlcore.tuning.start import continued

SCHEMA = "sft/1"


def run(config: SftConfig, ctx: RunContext) -> dict[str, Any]:
    """Train, write the model, return the report."""
    check_attention(config)
    require_deepspeed(config)
    ctx.events.status("loading", "checking the data")
    start, prepared = checked(config, ctx)
    teacher = teacher_folder(config, ctx)
    if config.distill is not None and teacher is not None:
        require_agreement(config.distill, start, teacher)
    world = world_of(config)
    if world > 1:
        return dict(launch(ctx, start, world))
    return train(config, ctx, start, prepared)


def world_of(config: SftConfig) -> int:
    """How many processes share the work."""
    return 1 if isinstance(config.engine, LocalConfig) else config.engine.processes


def train(config: SftConfig, ctx: RunContext, start: Path, prepared: Prepared) -> dict[str, Any]:
    """Train as the rank that this process is, alone or launched among others.

    Returns the report on rank 0, nothing on the others. Raises InterruptedRunError when a stop
    was asked for, after the checkpoint that it leaves.
    """
    rank = int(os.environ["RANK"]) if world_of(config) > 1 else 0
    facts = facts_of(ctx.folder.root, live=True, resuming=ctx.resuming)
    with followed(ctx.events, config.telemetry.exporters if rank == 0 else [], facts):
        return _trained(config, ctx, start, prepared, rank)


def _trained(
    config: SftConfig, ctx: RunContext, start: Path, prepared: Prepared, rank: int
) -> dict[str, Any]:
    ctx.events.status("loading", "loading the model")
    teacher = teacher_folder(config, ctx)
    trainer = build_trainer(config, start, prepared, rank, continued(ctx), teacher)
    views = views_of(prepared, config.evaluation.images)
    processor = load_processor(start)
    looks = Looks(config.evaluation, views, processor, trainer.engine)
    ctx.events.status("running", f"training {config.steps} steps")

    def publish(model: Qwen3VLForConditionalGeneration, folder: Path) -> None:
        if trainer.tuned.peft:
            trainer.tuned.save_adapter(start, folder, model.state_dict())
        else:
            save_checkpoint(model, processor, folder)

    def publish_finished(model: Qwen3VLForConditionalGeneration, folder: Path) -> None:
        if not trainer.tuned.peft:
            finish_model(model, config)
        publish(model, folder)

    figures = trainer.run(ctx, looks, prepared.data.fingerprint, publish)
    ctx.events.status("saving", "writing the model")
    output = ctx.output("adapter" if trainer.tuned.peft else "model")
    output_step = trainer.keeper.write_output(ctx, publish_finished, output)
    report: dict[str, Any] = {}
    if rank == 0:
        report = _report(config, prepared, trainer, figures, len(views))
        report["output_step"] = output_step
    trainer.engine.barrier()
    trainer.engine.close()
    return report


def _report(
    config: SftConfig,
    prepared: Prepared,
    trainer: Trainer,
    figures: dict[str, float],
    seen: int,
) -> dict[str, Any]:
    headline: dict[str, Any] = {}
    for name, label, unit, n in (
        ("eval/f1_50", "f1_50", "share", seen),
        ("eval/parse_rate", "parse_rate", "share", seen),
        ("train/loss", "loss", "nats/token", None),
    ):
        if name in figures:
            headline[label] = {"value": figures[name], "unit": unit, "n": n}
    best = trainer.keeper.best
    if best is not None:
        headline["best_step"] = {"value": best.step, "unit": "steps", "n": None}
    headline["steps"] = {"value": config.steps, "unit": "steps", "n": None}
    return {
        "schema": SCHEMA,
        "headline": headline,
        "figures": figures,
        "best": None if best is None else asdict(best),
        "tuning": config.tuning.type,
        "parameters": trainer.parameters,
        "train_records": sum(len(feed.records) for feed in prepared.source.feeds),
        "epochs": trainer.order.epoch(config.steps),
        "order": trainer.identity,
        "data_fingerprint": prepared.data.fingerprint,
        "datasets": dataset_rows(config, prepared),
        "augmented": config.data.augmentation is not None,
    }
