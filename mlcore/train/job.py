"""The `sft` job: rank 0, and the start of the other ranks."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mlcore.chat.kit import RenderKit
from mlcore.models.load import load_processor, save_checkpoint
from mlcore.run.context import RunContext
from mlcore.train.announce import announce, dataset_rows
from mlcore.train.config import DdpEngine as DdpConfig
from mlcore.train.config import SftConfig
from mlcore.train.ddp import DdpEngine
from mlcore.train.engine import Engine, LocalEngine
from mlcore.train.group import other_ranks
from mlcore.train.looks import Looks, views_of
from mlcore.train.members import load_data
from mlcore.train.prepare import BANKS, Prepared, check_health, prepare
from mlcore.train.setup import MakeEngine, build_trainer, start_folder
from mlcore.train.trainer import Trainer

SCHEMA = "sft/1"


def run(config: SftConfig, ctx: RunContext) -> dict[str, Any]:
    """Train, write the model, return the report."""
    ctx.events.status("loading", "checking the data")
    data = load_data(config, ctx, rejects=ctx.folder.artifacts)
    start = start_folder(config, ctx, data)
    prepared = prepare(config, RenderKit.from_folder(start), data, ctx.folder.root / BANKS)
    announce(config, ctx, prepared)
    check_health(prepared)
    ctx.events.status("loading", "loading the model")
    processor = load_processor(start)
    with ExitStack() as stack:
        make_engine = _engine(config, ctx, start, stack)
        trainer = build_trainer(config, start, prepared, make_engine, rank=0)
        for key in trainer.optimizers.idle_rates:
            ctx.events.warning(
                "idle_rate", f"{key} is set, but no weight that it is for is trained"
            )
        looks = Looks(config.evaluation, views_of(prepared, config.evaluation.images), processor)
        ctx.events.status("running", f"training {config.steps} steps")

        def publish(folder: Path) -> None:
            save_checkpoint(trainer.step.model, processor, folder)

        figures = trainer.run(ctx, looks, data.fingerprint, publish)
        ctx.events.status("saving", "writing the model")
        output_step = trainer.keeper.write_output(ctx, publish, ctx.output("model"))
        trainer.engine.barrier()
        trainer.engine.close()
    report = _report(config, prepared, trainer, figures, len(looks.views))
    return {**report, "output_step": output_step}


def _engine(config: SftConfig, ctx: RunContext, start: Path, stack: ExitStack) -> MakeEngine:
    """How rank 0 gets its engine; starts the other ranks when there are any."""
    if not isinstance(config.engine, DdpConfig):
        return lambda device: LocalEngine()
    mixture = config.mixture.members
    meeting = ctx.folder.root / f".meeting-{ctx.attempt}"
    world = config.engine.processes
    arguments = [str(ctx.folder.root), str(start), str(meeting)]
    arguments.append(json.dumps({m.dataset: str(ctx.resolve(m.dataset)) for m in mixture}))
    group = stack.enter_context(other_ranks(arguments, meeting, world, ctx))

    def make(device: torch.device) -> Engine:
        group.wait_ready()
        return DdpEngine(meeting, 0, world, device)

    return make


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
        "parameters": sum(p.numel() for p in trainer.parameters),
        "train_records": sum(len(feed.records) for feed in prepared.source.feeds),
        "epochs": trainer.order.epoch(config.steps),
        "order": trainer.identity,
        "data_fingerprint": prepared.data.fingerprint,
        "datasets": dataset_rows(config, prepared),
        "augmented": config.data.augmentation is not None,
    }
