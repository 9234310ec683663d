"""Two ranks that train the same with every engine and say how far each is from one process.

`python -m tests.support.equal_ranks ROOM`; the order's `start` is a checkpoint, its run folder
holds a resolved config.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mlcore.chat.collate import ModelBatch, pad_right
from mlcore.chat.kit import RenderKit
from mlcore.losses.terms import Counts, Objective
from mlcore.models.load import load_model
from mlcore.run.context import RunContext
from mlcore.train.config import SftConfig
from mlcore.train.engine import Engine, LocalEngine
from mlcore.train.members import load_data
from mlcore.train.meter import Gauge
from mlcore.train.prepare import Prepared, prepare
from mlcore.train.setup import held_out_of, make_engine
from mlcore.train.step import SftStep
from mlcore.train.trainer import Trainer
from mlcore.train.worker import Order, work_as_rank
from mlcore.tuning.tuned import Tuned

CPU = torch.device("cpu")
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def work(order: Order, ctx: RunContext) -> Mapping[str, Any]:
    """The largest differences by engine and format: of the figures, relative, and of weights."""
    raw = json.loads(ctx.folder.resolved_config.read_text(encoding="utf-8"))
    engines = raw.pop("engines")
    config = SftConfig.model_validate_json(json.dumps(raw))
    start = Path(order.start)
    data = load_data(config, ctx)
    prepared = prepare(config, RenderKit.from_folder(start), data, ctx.folder.root / "banks")
    out: dict[str, Any] = {}
    for name, dtype in DTYPES.items():
        alone = trained(LocalEngine(), config, start, prepared, dtype)
        for settings in engines:
            spread = config.model_copy(update={"engine": _engine(config, settings)})
            engine = make_engine(spread, CPU)
            together = trained(engine, spread, start, prepared, dtype)
            if engine.rank == 0:
                key = "/".join([*(str(value) for value in settings.values()), name])
                out[key] = differences(together, alone)
    return out


def _engine(config: SftConfig, settings: dict[str, Any]) -> Any:
    raw = {**config.model_dump(mode="json"), "engine": {**settings, "processes": 2}}
    return SftConfig.model_validate_json(json.dumps(raw)).engine


def trained(
    engine: Engine, config: SftConfig, start: Path, prepared: Prepared, dtype: torch.dtype
) -> dict[str, Any]:
    """Figures and last weights of some steps, the last one on batches with and without images."""
    torch.manual_seed(config.seed)
    model = load_model(start, dtype)
    step = SftStep(model, list(prepared.kit.coord_ids), Objective(config.coord_loss))
    gauge, held_out = Gauge.of(config, model, CPU), held_out_of(config, prepared)
    source, order = prepared.source, prepared.order
    trainer = Trainer(config, engine, step, source, order, CPU, gauge, held_out, Tuned(model))
    step.model.train()
    figures: list[float] = []
    for index in range(config.steps):
        trainer.optimizers.set_rates(index, config.steps)
        result = trainer._learn(prepared.order.step(index), index)
        figures += [result.norm, *result.tally.losses().values()]
    figures += mixed(trainer, prepared)
    state = engine.optimizer_tensors(trainer.optimizers)
    with engine.whole(step.model) as whole:
        weights = {n: p.detach().clone() for n, p in whole.named_parameters()}
    return {"figures": figures, "weights": weights, "state": state}


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
    }


def furthest(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    return max(float((got[n] - value).abs().max()) for n, value in expected.items())


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert os.environ["RANK"]
    work_as_rank(Path(sys.argv[1]), work)
