"""The smoke of Stage-1: a few packed steps of the shipped geometry-first recipe, and what must hold
after them on any device. `ACCEPTANCE` has one check for each point:

    starts, learns to the end, packs, saves weights only, resizes nothing, tells the key figures
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from mlcore.config.load import load_config
from mlcore.contract.reader import open_dataset
from mlcore.errors import DataError
from mlcore.models.images import read_rgb
from mlcore.models.load import load_model
from mlcore.preflight.engine import FILE, checked
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.folder import write_json
from mlcore.run.runner import RunOptions, execute
from mlcore.train.flops import peak_of
from mlcore.train.saving import checkpoints, read_state
from tests.support.training import config_of, context

RECIPE = (
    Path(__file__).resolve().parents[2] / "mlcore" / "recipes" / "training" / "geometry-first.yaml"
)
STEPS = 4
SAVE_EVERY = 2
BATCH = 6
LOSSES = {
    "train/loss", "train/loss_text", "train/loss_text_gate", "train/loss_coord_ce",
    "train/loss_coord_soft", "train/loss_coord_w1", "train/loss_coord_gate",
}  # fmt: skip
STEP = {
    "train/grad_norm", "train/lr", "train/token_acc", "train/tokens_per_s", "train/padding_share",
    "time/step_s", "time/data_s", "time/forward_s", "time/backward_s", "time/optimizer_s",
    "pack/rows", "pack/fill", "pack/samples_per_row",
}  # fmt: skip
LOOK = {"eval/loss", "eval/token_acc", "eval/parse_rate", "eval/f1_50"}


@dataclass(frozen=True)
class Smoke:
    """One run that is over: how it ended, its settings, where it and its dataset lie."""

    code: ExitCode
    settings: dict[str, Any]
    folder: Path
    dataset: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(read_events(self.folder / "events" / "attempt-1.jsonl"))

    def told(self, name: str) -> list[dict[str, float]]:
        """The values of every metric event that has this figure."""
        rows = [event["values"] for event in self.events if event["type"] == "metric"]
        return [values for values in rows if name in values]


def smoke(folder: Path, dataset: Path, checkpoint: Path, device: str) -> Smoke:
    """Run it through the runner, as `python -m mlcore run` does; in bfloat16 on a GPU."""
    recipe = load_config(RECIPE).resolved
    settings = {
        **recipe,
        "model": {"type": "checkpoint", "checkpoint": str(checkpoint)},
        "data": {**recipe["data"], "dataset": str(dataset)},
        "steps": STEPS,
        "batch_size": BATCH,
        "micro_batch": 2,
        "packing": {"type": "packed"},
        "log_every": 1,
        "evaluation": {"every_steps": STEPS, "images": 2, "loss_images": 2, "max_new_tokens": 8},
        "checkpoint": {"type": "weights_only", "every_steps": SAVE_EVERY, "keep": 2},
        "device": device,
        "dtype": "bfloat16" if device == "cuda" else "float32",
    }
    folder.mkdir(parents=True)
    config = folder / "sft.yaml"
    write_json(config, settings)  # JSON is YAML
    code = execute(config, RunOptions(folder / "run"))
    return Smoke(code, settings, folder / "run", dataset)


def starts(run: Smoke) -> None:
    """The data loads, every check before the start passes, and the trainer begins."""
    verdict = json.loads((run.folder / "artifacts" / FILE).read_text(encoding="utf-8"))
    blocked = [row for row in verdict["checks"] if row["verdict"] == "BLOCK"]
    assert blocked == []
    report = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    assert report["train_records"] == len(list(open_dataset(run.dataset).split("train")))


def learns_to_the_end(run: Smoke) -> None:
    """Every step is done with a loss that is a number, and weights have changed."""
    assert run.code == ExitCode.OK
    losses = [values["train/loss"] for values in run.told("train/loss")]
    assert len(losses) == STEPS
    assert all(math.isfinite(loss) for loss in losses)
    before = load_model(Path(run.settings["model"]["checkpoint"]))
    after = load_model(run.folder / "artifacts" / "model")
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    assert any(not torch.equal(old, new) for old, new in pairs)


def packs(run: Smoke) -> None:
    """Samples share rows, and rows hold little that is no token."""
    for values in run.told("train/loss"):
        assert values["pack/rows"] < BATCH
        assert values["pack/samples_per_row"] > 1
        assert 0 < values["pack/fill"] <= 1


def saves_weights_only(run: Smoke) -> None:
    """Every checkpoint is a model for use, and nothing of the optimiser is in any."""
    saved = checkpoints(run.folder / "checkpoints")
    assert [path.name for path in saved] == [f"step-{n}" for n in (SAVE_EVERY, STEPS)]
    for path in saved:
        assert read_state(path)["type"] == "weights_only"
        names = [file.name for file in path.rglob("*") if file.is_file()]
        assert not [n for n in names if n.startswith(("optim", "rng", "tuning", "scheduler"))]
        parameters = {name for name, _ in load_model(path).named_parameters()}
        assert _stored(path) <= parameters


def resizes_nothing(run: Smoke) -> None:
    """What the model reads of a picture are the pixels of its file, each once in either frame; and
    a picture above the limit stops the run before it starts."""
    config = config_of(run.settings)
    _, prepared = checked(config, context(run.folder.parent / "looked-at"))
    patch = prepared.kit.patcher.patch_size
    for step in range(STEPS):
        for draw in prepared.order.step(step).draws:
            example = prepared.source.sample(draw, step).example
            pixels = read_rgb(run.dataset / example.images[0])
            height, width = pixels.shape[:2]
            assert example.image_grid_thw.tolist() == [[1, height // patch, width // patch]]
            read = np.sort(example.pixel_values, axis=None)
            twice = np.sort(np.repeat(pixels.ravel(), 2) / 127.5 - 1)
            np.testing.assert_allclose(read, twice, atol=1e-6)
    data = {**run.settings["data"], "max_pixels": width * height - 1}
    small = config_of({**run.settings, "data": data})
    with pytest.raises(DataError, match="max_pixels") as caught:
        checked(small, context(run.folder.parent / "too-large"))
    assert "Nothing is resized" in caught.value.hint


def tells_the_key_figures(run: Smoke) -> None:
    """Losses by part, speed, the parts of a step and packing at every step; a look at the end."""
    steps = run.told("train/loss")
    for values in steps:
        assert set(values) >= LOSSES | STEP
        assert all(math.isfinite(value) for value in values.values())
    (look,) = run.told("eval/loss")
    assert set(look) >= LOOK
    if run.settings["device"] == "cuda":
        known = peak_of(torch.cuda.get_device_name()) is not None
        for values in steps:
            assert values["memory/cuda_peak_bytes"] > 0
            assert ("train/mfu" in values) == known


ACCEPTANCE: tuple[Callable[[Smoke], None], ...] = (
    starts,
    learns_to_the_end,
    packs,
    saves_weights_only,
    resizes_nothing,
    tells_the_key_figures,
)


def name_of(check: Callable[[Smoke], None]) -> str:
    """What a test of one point is called."""
    return check.__name__


def _stored(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="numpy") as file:
            found |= set(file.keys())
    return found
