"""The `sft` job: rank 0, and the start of the other ranks."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from mlcore.models.load import save_checkpoint
from mlcore.run.context import RunContext
from mlcore.train.config import DdpEngine as DdpConfig
from mlcore.train.config import SftConfig
from mlcore.train.ddp import DdpEngine
from mlcore.train.engine import Engine, LocalEngine
from mlcore.train.group import other_ranks
from mlcore.train.looks import Looks
from mlcore.train.setup import MakeEngine, TrainingData, build_trainer, load_data, start_folder
from mlcore.train.trainer import Trainer

SCHEMA = "sft/1"


def run(config: SftConfig, ctx: RunContext) -> dict[str, Any]:
    """Train, write the model, return the report."""
    ctx.events.status("loading", "checking the dataset")
    data = load_data(config, ctx, rejects=ctx.folder.artifacts / "rejects.jsonl")
    ctx.events.status("loading", "loading the model")
    start = start_folder(config, ctx, data.train)
    with ExitStack() as stack:
        make_engine = _engine(config, ctx, start, stack)
        trainer, processor = build_trainer(config, start, data, make_engine, rank=0)
        looks = Looks(config.evaluation, data.dataset, data.val, trainer.source.renderer, processor)
        ctx.events.status("running", f"training {config.steps} steps")
        figures = trainer.run(ctx, looks, data.dataset.fingerprint)
        ctx.events.status("saving", "writing the model")
        save_checkpoint(trainer.step.model, processor, ctx.output("model"))
        trainer.engine.barrier()
        trainer.engine.close()
    return _report(config, data, trainer, figures)


def _engine(config: SftConfig, ctx: RunContext, start: Path, stack: ExitStack) -> MakeEngine:
    """How rank 0 gets its engine; starts the other ranks when there are any."""
    if not isinstance(config.engine, DdpConfig):
        return lambda device: LocalEngine()
    meeting = ctx.folder.root / f".meeting-{ctx.attempt}"
    world = config.engine.processes
    arguments = [str(ctx.folder.root), str(start), str(meeting)]
    arguments.append(str(ctx.resolve(config.data.dataset)))
    group = stack.enter_context(other_ranks(arguments, meeting, world, ctx))

    def make(device: torch.device) -> Engine:
        group.wait_ready()
        return DdpEngine(meeting, 0, world, device)

    return make


def _report(
    config: SftConfig, data: TrainingData, trainer: Trainer, figures: dict[str, float]
) -> dict[str, Any]:
    seen = min(config.evaluation.images, len(data.val))
    headline: dict[str, Any] = {}
    for name, label, unit, n in (
        ("eval/f1_50", "f1_50", "share", seen),
        ("eval/parse_rate", "parse_rate", "share", seen),
        ("loss", "loss", "nats/token", None),
    ):
        if name in figures:
            headline[label] = {"value": figures[name], "unit": unit, "n": n}
    headline["steps"] = {"value": config.steps, "unit": "steps", "n": None}
    return {
        "schema": SCHEMA,
        "headline": headline,
        "figures": figures,
        "parameters": sum(p.numel() for p in trainer.parameters),
        "train_records": len(data.train),
        "epochs": trainer.order.epoch(config.steps),
        "order": trainer.order.digest(),
        "data_fingerprint": data.dataset.fingerprint,
    }
