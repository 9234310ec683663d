"""Each bad input ends in one clear error with a hint and its exit code; what was good stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlcore.chat.render import UNSUPERVISED
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.folder import write_json
from mlcore.run.runner import RunOptions, execute
from mlcore.train import job
from mlcore.train.saving import checkpoints
from mlcore.train.source import Sample, Source
from mlcore.train.step import SftStep, StepOutput
from tests.support.training import context, sft_config, sft_settings, write_training_set

SAVED = {"every_steps": 1, "keep": 2}
Spoil = Callable[[StepOutput], StepOutput]


def ended(folder: Path, settings: dict[str, Any], *, resume: bool = False) -> ExitCode:
    write_json(folder / "sft.yaml", settings)
    return execute(folder / "sft.yaml", RunOptions(run_dir=folder / "run", resume=resume))


def error_of(folder: Path, attempt: int = 1) -> dict[str, Any]:
    events = read_events(folder / f"run/events/attempt-{attempt}.jsonl")
    (error,) = [event for event in events if event["type"] == "error"]
    assert error["hint"]
    return error


def test_a_checkpoint_of_another_architecture(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    other = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "model_type": "qwen3"}))
    assert ended(tmp_path, sft_settings(training_set, other)) == ExitCode.DATA
    assert "architecture qwen3" in error_of(tmp_path)["message"]
    stored = json.loads((tmp_path / "run/artifacts/preflight.json").read_text())
    assert stored["checks"][-1]["id"] == "checkpoint"
    assert stored["verdict"] == "BLOCK"


def test_a_tokenizer_without_coordinate_tokens(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    other = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    text = (other / "tokenizer.json").read_text(encoding="utf-8")
    (other / "tokenizer.json").write_text(text.replace("<|coord_", "<|place_"), encoding="utf-8")
    assert ended(tmp_path, sft_settings(training_set, other)) == ExitCode.DATA
    assert "coord" in error_of(tmp_path)["message"]


def test_an_empty_dataset(tmp_path: Path, tiny_checkpoint: Path) -> None:
    DatasetWriter(tmp_path / "empty", "empty", ("train", "val")).finish()
    assert ended(tmp_path, sft_settings(tmp_path / "empty", tiny_checkpoint)) == ExitCode.DATA
    assert error_of(tmp_path)["message"] == "the dataset empty has no records"


def test_the_placeholder_of_older_configs_is_no_dataset(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    assert ended(tmp_path, sft_settings(Path("dummy"), tiny_checkpoint)) == ExitCode.CONFIG


def test_records_with_a_key_of_messages_instead_of_images_say_which_key(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    data = write_training_set(tmp_path / "data")
    lines = (data / "train.jsonl").read_text(encoding="utf-8")
    (data / "train.jsonl").write_text(lines.replace('"images"', '"image"'), encoding="utf-8")
    assert ended(tmp_path, sft_settings(data, tiny_checkpoint)) == ExitCode.DATA
    assert "images" in json.dumps(error_of(tmp_path))


def test_labels_that_are_all_masked(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Source.sample

    def masked(self: Source, *arguments: Any) -> Sample:
        made = sample(self, *arguments)
        labels = made.example.labels * 0 + UNSUPERVISED
        return replace(made, example=replace(made.example, labels=labels))

    config = sft_config(training_set, tiny_checkpoint)
    monkeypatch.setattr(Source, "sample", masked)
    with pytest.raises(DataError) as caught:
        job.run(config, context(tmp_path))
    assert "messages show" in caught.value.hint


def spoiled_at(step: int, spoil: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the forward pass of that step gives what `spoil` makes of it."""
    forward, done = SftStep.forward, [0]

    def wrong(self: SftStep, *arguments: Any) -> StepOutput:
        out = forward(self, *arguments)
        if self.training:
            done[0] += 1
        return spoil(out) if done[0] == step else out

    monkeypatch.setattr(SftStep, "forward", wrong)


def no_number(out: StepOutput) -> StepOutput:
    out.samples["text"].mul_(float("nan"))
    return out


def no_memory(out: StepOutput) -> StepOutput:
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")


@pytest.mark.parametrize(
    ("spoil", "code", "hint"),
    [
        (no_number, ExitCode.DIVERGED, "Lower the learning rate"),
        (no_memory, ExitCode.OOM, "Halve micro_batch"),
    ],
)
def test_a_death_in_the_middle_keeps_the_last_good_checkpoint_and_a_resume_goes_on(
    tmp_path: Path,
    training_set: Path,
    tiny_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    code: ExitCode,
    hint: str,
) -> None:
    settings = sft_settings(training_set, tiny_checkpoint, checkpoint=SAVED)
    with monkeypatch.context() as patch:
        spoiled_at(3, spoil, patch)
        assert ended(tmp_path, settings) == code
    assert hint in error_of(tmp_path)["hint"]
    left = [path.name for path in checkpoints(tmp_path / "run/checkpoints")]
    assert left == ["step-1", "step-2"]
    assert ended(tmp_path, settings, resume=True) == ExitCode.OK
    assert (tmp_path / "run/report.json").exists()


def test_a_resume_with_other_settings_is_refused_and_the_checkpoint_stays(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = sft_settings(training_set, tiny_checkpoint, checkpoint=SAVED)
    with monkeypatch.context() as patch:
        spoiled_at(3, no_number, patch)
        ended(tmp_path, settings)
    assert ended(tmp_path, {**settings, "steps": 9}, resume=True) == ExitCode.CONFIG
    assert "another steps" in error_of(tmp_path, 2)["message"]
    assert checkpoints(tmp_path / "run/checkpoints")
