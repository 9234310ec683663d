"""Two ranks that train the same with every engine and say how far each is from one process.

`python -m tests.support.equal_ranks ROOM`; the order's `start` is a checkpoint, its run folder
holds instead of a resolved config the settings, number formats and engines of every case.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from mlcore.chat.collate import ModelBatch, pad_right
from mlcore.chat.kit import RenderKit
from mlcore.distill.coach import Coach, Limits
from mlcore.distill.step import DistillStep
from mlcore.distill.teacher import Teacher
from mlcore.losses.terms import Counts, Objective
from mlcore.models.load import load_model, load_processor, load_untrained
from mlcore.run.context import RunContext
from mlcore.run.events import read_events
from mlcore.train.config import SftConfig
from mlcore.train.engine import Engine, LocalEngine
from mlcore.train.looks import Looks, views_of
from mlcore.train.members import load_data
from mlcore.train.meter import Gauge
from mlcore.train.prepare import Prepared, prepare
from mlcore.train.setup import held_out_of, make_engine
from mlcore.train.step import SftStep
from mlcore.train.trainer import Trainer
from mlcore.train.worker import Order, work_as_rank
from mlcore.tuning.tuned import tune
from tests.support.training import context

CPU = torch.device("cpu")
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def work(order: Order, ctx: RunContext) -> Mapping[str, Any]:
    """The largest differences by case, engine and format: of the figures, relative, and of
    weights; and whether looks are the same."""
    raw = json.loads(ctx.folder.resolved_config.read_text(encoding="utf-8"))
    start = Path(order.start)
    out: dict[str, Any] = {}
    for case, (settings, formats, engines) in raw.items():
        config = SftConfig.model_validate_json(json.dumps(settings))
        prepared = prepared_of(config, start, ctx)
        for name in formats:
            alone = {}
            if os.environ["RANK"] == "0":
                alone = trained(LocalEngine(), config, start, prepared, DTYPES[name])
            for type_ in engines:
                spread = config.model_copy(update={"engine": _engine(settings, type_)})
                engine = make_engine(spread, CPU)
                together = trained(engine, spread, start, prepared, DTYPES[name])
                if engine.rank == 0:
                    out[f"{case}/{type_}/{name}"] = differences(together, alone)
    return out


def _engine(settings: dict[str, Any], type_: str) -> Any:
    raw = {**settings, "engine": {"type": type_, "processes": 2}}
    return SftConfig.model_validate_json(json.dumps(raw)).engine


def prepared_of(config: SftConfig, start: Path, ctx: RunContext) -> Prepared:
    """What a config reads."""
    data = load_data(config, ctx)
    return prepare(config, RenderKit.from_folder(start), data, ctx.folder.root / "banks")


def trainer_of(
    engine: Engine, config: SftConfig, start: Path, prepared: Prepared, dtype: torch.dtype
) -> Trainer:
    """A trainer in any number format; the teacher of a config is the start with other weights."""
    torch.manual_seed(config.seed)
    model = load_model(start, dtype)
    coords = list(prepared.kit.coord_ids)
    tuned = tune(model, config.tuning, coords, steps=config.steps, seed=config.seed)
    nn.Module.to(model, dtype)
    step, coach = SftStep(model, coords, Objective(config.coord_loss)), None
    if config.distill is not None:
        teacher = Teacher(load_untrained(start, 9, dtype), load_processor(start))
        limits = Limits(config.global_max_length, config.micro_batch)
        coach = Coach(config.distill, teacher, prepared.kit, config.seed, limits)
        objective = Objective(config.coord_loss, config.distill.sft_alpha)
        step = DistillStep(model, coords, objective, config.distill, teacher)
    gauge, held_out = Gauge.of(config, model, CPU), held_out_of(config, prepared)
    source, order = prepared.source, prepared.order
    return Trainer(config, engine, step, source, order, CPU, gauge, held_out, tuned, coach)


def trained(
    engine: Engine, config: SftConfig, start: Path, prepared: Prepared, dtype: torch.dtype
) -> dict[str, Any]:
    """Figures and last weights of some steps, the last one on batches with and without images, and
    a look."""
    trainer = trainer_of(engine, config, start, prepared, dtype)
    step = trainer.step
    step.model.train()
    figures: list[float] = []
    for index in range(config.steps):
        trainer.optimizers.set_rates(index, config.steps)
        result = trainer._learn(prepared.order.step(index), index)
        figures += [result.norm, *result.losses.values()]
    if config.distill is None:
        figures += mixed(trainer, prepared)
    state = engine.optimizer_tensors(trainer.optimizers)
    views = views_of(prepared, config.evaluation.images)
    looks = Looks(config.evaluation, views, load_processor(start), engine)
    with TemporaryDirectory() as folder, engine.whole(step.model) as whole:
        weights = {n: p.detach().clone() for n, p in whole.named_parameters()}
        ctx = context(Path(folder))
        seen = looks.look(ctx, whole, config.steps)
        ctx.events.close()
        samples = [e for e in read_events(ctx.folder.events(1)) if e["type"] == "sample"]
    shown = [{k: v for k, v in e.items() if k not in ("time", "image")} for e in samples]
    return {"figures": figures, "weights": weights, "state": state, "look": (seen, shown)}


def mixed(trainer: Trainer, prepared: Prepared) -> list[float]:
    """The norm of a step whose first micro-batch has images and whose second has none."""
    examples = [prepared.source.sample(d, 0).example for d in prepared.order.step(0).draws[:2]]
    first, second = (pad_right([example], trainer.source.pad_id) for example in examples)
    engine = trainer.engine
    batches = [first, blind(second, trainer.step.model.config.image_token_id)][
        engine.rank :: engine.world
    ]
    trainer.optimizers.zero_grad()
    for number, batch in enumerate(batches, 1):
        with engine.accumulate(last=number == len(batches)):
            engine.backward(engine.forward(batch, Counts(50.0, 50.0), 2.0).loss)
    return [engine.update(trainer.optimizers, 1.0)]


def blind(batch: ModelBatch, image: int) -> ModelBatch:
    """A batch with words in the places of its images."""
    ids = batch.input_ids.clone()
    ids[ids == image] = int(ids[0, -1])
    return replace(batch, input_ids=ids, pixel_values=None, image_grid_thw=None)


def differences(got: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    pairs = zip(got["figures"], expected["figures"], strict=True)
    return {
        "figures": max(abs(a - b) / max(1e-12, abs(b)) for a, b in pairs),
        "weights": furthest(got["weights"], expected["weights"]),
        "state": furthest(got["state"], expected["state"]),
        "names": sorted(got["state"]) == sorted(expected["state"]),
        "look": got["look"] == expected["look"],
        "answers": len(expected["look"][1]),
    }


def furthest(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    return max(float((got[n] - value).abs().max()) for n, value in expected.items())


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert os.environ["RANK"]
    work_as_rank(Path(sys.argv[1]), work)
