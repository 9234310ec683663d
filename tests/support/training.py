"""A small dataset and configs of a few steps, for tests of training."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mlcore.contract.writer import DatasetWriter
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter, read_events
from mlcore.run.folder import RunFolder, write_json
from mlcore.run.signals import StopSignal
from mlcore.train.config import SftConfig
from tests.support.datasets import encoded, picture
from tests.support.scenes import make_record

SIDE = 64
"""side of the pictures: two merged patches"""


class StopAfter(StopSignal):
    """Asks for a stop once the loop has looked `looks` times, which it does once a step."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._left = looks

    @property
    def requested(self) -> bool:
        self._left -= 1
        return self._left <= 0


def write_training_set(
    folder: Path, train: int = 12, val: int = 3, *, name: str = "noise", first: int = 0
) -> Path:
    """A valid dataset of noisy pictures whose records differ in length, numbered from `first`."""
    writer = DatasetWriter(folder, name, ("train", "val"))
    for number in range(first, first + train + val):
        record = make_record(number, SIDE, SIDE, objects=1 + number % 3)
        writer.add_image(record.images[0], encoded(picture(number, SIDE, SIDE), "PNG"))
        writer.add("train" if number < first + train else "val", record)
    writer.finish()
    return folder


def sft_settings(dataset: Path, model: Path | None = None, **changes: Any) -> dict[str, Any]:
    """The JSON of a config of four steps that starts from `model`, or from nothing."""
    start = {"type": "checkpoint", "checkpoint": str(model)} if model else {"type": "scratch"}
    base: dict[str, Any] = {
        "kind": "sft",
        "seed": 3,
        "model": start,
        "data": one_dataset(dataset),
        "steps": 4,
        "batch_size": 4,
        "micro_batch": 4,
        "optim": {"warmup_steps": 2},
        "evaluation": {"every_steps": 1000, "images": 0},
        "checkpoint": {"every_steps": 1000},
        "log_every": 1,
        "device": "cpu",
    }
    return {**base, **changes}


AUGMENTATION: dict[str, Any] = {
    "ops": [
        {"type": "hflip", "prob": 0.5},
        {"type": "rotate", "max_deg": 15.0, "prob": 0.6},
        {"type": "random_crop", "prob": 0.4, "min_objects": 1, "skip_if_line": False},
        {"type": "color_jitter", "prob": 0.5},
        {"type": "expand_to_fit", "multiple": 32},
    ],
    "bypass_prob": 0.5,
    "curriculum": {"phases": [{"until_percent": 100, "bypass_prob": 0.0}]},
}
"""ops of every kind, ever fewer samples left as they are"""


def fusion_settings(
    target: Path, source: Path, model: Path | None = None, **changes: Any
) -> dict[str, Any]:
    """Those settings with two datasets, both tasks in a batch, and augmentation of the target."""
    data = {
        "type": "fusion",
        "targets": [{"name": "a", "dataset": str(target), "summary_share": 0.3}],
        "sources": [
            {"name": "b", "dataset": str(source), "ratio": 0.5, "max_objects": 2},
        ],
        "augmentation": AUGMENTATION,
    }
    return sft_settings(target, model, **{"data": data, **changes})


def one_dataset(dataset: Path, **changes: Any) -> dict[str, Any]:
    """The `data` of a single dataset."""
    return {"dataset": str(dataset), "summary_share": 0.25, **changes}


def sft_config(dataset: Path, model: Path | None = None, **changes: Any) -> SftConfig:
    """That config as the job gets it."""
    return config_of(sft_settings(dataset, model, **changes))


def config_of(settings: dict[str, Any]) -> SftConfig:
    """A config of settings that could stand in a file."""
    return SftConfig.model_validate_json(json.dumps(settings))


def context(folder: Path, stop: StopSignal | None = None, attempt: int = 1) -> RunContext:
    """A context of one attempt over a run folder."""
    run = RunFolder(folder)
    events = EventWriter(run.events(attempt))
    return RunContext(run, events, stop or StopSignal(), attempt, resuming=attempt > 1)


def metrics(folder: Path) -> dict[int, dict[str, float]]:
    """The figures of every step, as a reader sees them: rewinds hide points.

    Those of training have no `train/` before them; what depends on the clock is left out.
    """
    found: dict[int, dict[str, float]] = {}
    for path in sorted(folder.glob("events/attempt-*.jsonl")):
        for event in read_events(path):
            if event["type"] == "rewind":
                found = {step: v for step, v in found.items() if step <= event["step"]}
            if event["type"] == "metric":
                values = found.setdefault(event["step"], {})
                told = {k.removeprefix("train/"): v for k, v in event["values"].items()}
                values |= {k: v for k, v in told.items() if not _of_the_clock(k)}
    return found


def _of_the_clock(name: str) -> bool:
    return name.endswith("_per_s") or name.startswith(("time/", "memory/"))


def start_run(folder: Path, settings: dict[str, Any], *options: str) -> subprocess.Popen[bytes]:
    """Start `python -m mlcore run` with these settings over a run folder, as a group of its own."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    config = folder.with_suffix(".yaml")
    write_json(config, settings)  # JSON is YAML
    command = [sys.executable, "-m", "mlcore", "run", str(config), "--run-dir", str(folder)]
    return subprocess.Popen([*command, *options], start_new_session=True)
