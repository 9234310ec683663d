"""Checkpoints of whole runs: what is kept, what is handed over, and what a resume makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from mlcore.errors import InterruptedRunError
from mlcore.models.load import load_model
from mlcore.run.events import read_events
from mlcore.train import job
from mlcore.train.looks import Looks
from tests.support.training import StopAfter, context, metrics, sft_config

WEIGHTS = "artifacts/model/model.safetensors"
LOOKS = {"every_steps": 1, "images": 1, "samples": 0, "max_new_tokens": 1}
F1 = {1: 0.9, 2: 0.2, 3: 0.5, 4: 0.5}
"""figures of looks: the first is the highest, and too early"""


@pytest.fixture(autouse=True)
def figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks measure what `F1` says."""

    def look(self: Looks, ctx: Any, model: Any, step: int) -> dict[str, float]:
        return {"eval/f1_50": F1[step], "eval/parse_rate": 1.0}

    monkeypatch.setattr(Looks, "look", look)


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, training_set: Path, tiny_checkpoint: Path
) -> Path:
    """A run of four steps with a checkpoint after each."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    config = sft_config(training_set, tiny_checkpoint, checkpoint={"every_steps": 1, "keep": 9})
    job.run(config, context(folder))
    return folder


def warnings_of(folder: Path, attempt: int) -> list[str]:
    events = read_events(folder / "events" / f"attempt-{attempt}.jsonl")
    return [event["message"] for event in events if event["type"] == "warning"]


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_a_resume_falls_back_to_the_last_good_checkpoint_and_says_so(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, whole: Path
) -> None:
    config = sft_config(training_set, tiny_checkpoint, checkpoint={"every_steps": 2})
    with pytest.raises(InterruptedRunError):
        job.run(config, context(tmp_path / "run", StopAfter(3)))
    damaged = tmp_path / "run" / "checkpoints" / "step-3" / "optim.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-8])
    job.run(config, context(tmp_path / "run", attempt=2))
    assert warnings_of(tmp_path / "run", 2) == [
        "step-3 is damaged and passed over: optim.safetensors is not what was written"
    ]
    assert sorted(metrics(tmp_path / "run")) == [1, 2, 3, 4]
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()


def test_the_best_step_is_kept_named_and_handed_over(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, whole: Path
) -> None:
    best = {"metric": "eval/f1_50", "mode": "max", "output": "best"}
    policy = {"every_steps": 1000, "keep": 1, "delay_steps": 2, "best": best}
    config = sft_config(training_set, tiny_checkpoint, checkpoint=policy, evaluation=LOOKS)
    report = job.run(config, context(tmp_path / "run"))
    assert report["best"] == {"step": 3, "metric": "eval/f1_50", "value": 0.5}
    assert (report["output_step"], report["headline"]["best_step"]["value"]) == (3, 3)
    assert saved(tmp_path / "run") == ["best.json", "step-3", "step-4"]
    output = load_model(tmp_path / "run" / "artifacts" / "model").state_dict()
    expected = load_file(whole / "checkpoints" / "step-3" / "model.safetensors")
    assert all(torch.equal(output[name], value) for name, value in expected.items())


def test_checkpoints_of_weights_are_models_and_a_stop_still_leaves_one_to_go_on_from(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, whole: Path
) -> None:
    policy = {"type": "weights_only", "every_steps": 1, "keep": 2}
    config = sft_config(training_set, tiny_checkpoint, checkpoint=policy)
    with pytest.raises(InterruptedRunError):
        job.run(config, context(tmp_path / "run", StopAfter(2)))
    model = load_model(tmp_path / "run" / "checkpoints" / "step-1").state_dict()
    expected = load_file(whole / "checkpoints" / "step-1" / "model.safetensors")
    assert all(torch.equal(model[name], value) for name, value in expected.items())
    job.run(config, context(tmp_path / "run", attempt=2))
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    state = json.loads((tmp_path / "run" / "checkpoints" / "step-4" / "state.json").read_text())
    assert state["type"] == "weights_only"


def test_the_best_is_remembered_over_a_stop(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    policy = {"keep": 1, "best": {"metric": "eval/f1_50", "mode": "max"}}
    config = sft_config(training_set, tiny_checkpoint, steps=3, checkpoint=policy, evaluation=LOOKS)
    with pytest.raises(InterruptedRunError):
        job.run(config, context(tmp_path / "run", StopAfter(2)))
    assert saved(tmp_path / "run") == ["best.json", "step-1", "step-2"]
    report = job.run(config, context(tmp_path / "run", attempt=2))
    assert (report["best"]["step"], report["output_step"]) == (1, 3)
    assert saved(tmp_path / "run") == ["best.json", "step-1", "step-3"]


def test_a_best_step_needs_looks(training_set: Path) -> None:
    policy = {"best": {"metric": "eval/f1_50", "mode": "max"}}
    with pytest.raises(ValidationError, match="images is 0"):
        sft_config(training_set, checkpoint=policy)
