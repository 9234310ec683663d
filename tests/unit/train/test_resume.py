"""Ten steps are the same ten steps, whether or not the run died in the middle."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mlcore.errors import ConfigError, InterruptedRunError
from mlcore.run.events import read_events
from mlcore.train import job
from tests.support.training import (
    StopAfter,
    context,
    fusion_settings,
    metrics,
    one_dataset,
    sft_config,
    sft_settings,
    start_run,
    write_training_set,
)

WEIGHTS = "artifacts/model/model.safetensors"
TEN: dict[str, Any] = {"steps": 10, "checkpoint": {"every_steps": 5}}
LOOKS: dict[str, Any] = {"evaluation": {"every_steps": 4, "images": 2, "max_new_tokens": 8}}


def kill_after(folder: Path, settings: dict[str, Any], checkpoint: str) -> None:
    """Start a run and kill its whole group once that checkpoint is complete."""
    process = start_run(folder, settings)
    while process.poll() is None and not (folder / "checkpoints" / checkpoint / "READY").exists():
        time.sleep(0.01)
    assert process.returncode is None, "the run ended before its checkpoint"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_stopped_run_goes_on_bit_for_bit(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    config = sft_config(training_set, tiny_checkpoint, steps=10)
    job.run(config, context(tmp_path / "whole"))
    with pytest.raises(InterruptedRunError, match="after step 5 of 10"):
        job.run(config, context(tmp_path / "parts", StopAfter(5)))
    job.run(config, context(tmp_path / "parts", attempt=2))
    assert (tmp_path / "parts" / WEIGHTS).read_bytes() == (
        tmp_path / "whole" / WEIGHTS
    ).read_bytes()
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")
    assert sorted(metrics(tmp_path / "parts")) == list(range(1, 11))


def test_a_resume_says_where_it_goes_on(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    config = sft_config(training_set, tiny_checkpoint)
    with pytest.raises(InterruptedRunError):
        job.run(config, context(tmp_path / "run", StopAfter(3)))
    job.run(config, context(tmp_path / "run", attempt=2))
    events = list(read_events(tmp_path / "run" / "events" / "attempt-2.jsonl"))
    assert [e["step"] for e in events if e["type"] == "rewind"] == [3]
    assert min(e["step"] for e in events if e["type"] == "metric") == 4


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param({"type": "local"}, id="one process", marks=pytest.mark.slow),
        pytest.param({"type": "ddp", "processes": 2}, id="ddp", marks=pytest.mark.slow),
        pytest.param({"type": "fsdp", "processes": 2}, id="fsdp", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_goes_on_bit_for_bit(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, engine: dict[str, Any]
) -> None:
    settings = sft_settings(training_set, tiny_checkpoint, engine=engine, **TEN, **LOOKS)
    assert start_run(tmp_path / "whole", settings).wait() == 0
    kill_after(tmp_path / "parts", settings, "step-5")
    assert start_run(tmp_path / "parts", settings, "--resume").wait() == 0
    assert (tmp_path / "parts" / WEIGHTS).read_bytes() == (
        tmp_path / "whole" / WEIGHTS
    ).read_bytes()
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param({"type": "local"}, id="one process"),
        pytest.param({"type": "ddp", "processes": 2}, id="two processes", marks=pytest.mark.slow),
    ],
)
def test_a_killed_mixture_with_augmentation_and_both_tasks_goes_on_bit_for_bit(
    tmp_path: Path,
    training_set: Path,
    other_set: Path,
    tiny_checkpoint: Path,
    engine: dict[str, Any],
) -> None:
    """The quick one of its kind: it looks at held-out images too, as the plain run above does."""
    more = {"engine": engine, **TEN, **LOOKS}
    settings = fusion_settings(training_set, other_set, tiny_checkpoint, **more)
    assert start_run(tmp_path / "whole", settings).wait() == 0
    kill_after(tmp_path / "parts", settings, "step-5")
    assert start_run(tmp_path / "parts", settings, "--resume").wait() == 0
    assert (tmp_path / "parts" / WEIGHTS).read_bytes() == (
        tmp_path / "whole" / WEIGHTS
    ).read_bytes()
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"type": "ddp", "processes": 2}, {"type": "local"}, id="fewer"),
        pytest.param({"type": "local"}, {"type": "fsdp", "processes": 2}, id="more"),
    ],
)
def test_a_run_goes_on_with_another_number_of_processes(
    tmp_path: Path,
    training_set: Path,
    tiny_checkpoint: Path,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    whole = sft_config(training_set, tiny_checkpoint, **TEN, **LOOKS)
    job.run(whole, context(tmp_path / "whole"))
    settings = sft_settings(training_set, tiny_checkpoint, engine=before, **TEN, **LOOKS)
    kill_after(tmp_path / "parts", settings, "step-5")
    settings["engine"] = after
    assert start_run(tmp_path / "parts", settings, "--resume").wait() == 0
    expected, got = metrics(tmp_path / "whole"), metrics(tmp_path / "parts")
    assert sorted(got) == sorted(expected)
    for step in range(6, 11):
        # Rounding of the first updates grows through the later ones.
        assert got[step]["loss"] == pytest.approx(expected[step]["loss"], rel=1e-3), step
    said = [
        event["message"]
        for event in read_events(tmp_path / "parts" / "events" / "attempt-2.jsonl")
        if event["type"] == "status" and event["message"].startswith("resumed")
    ]
    assert said in (
        ["resumed after step 5 of 2 processes, now 1"],
        ["resumed after step 5 of 1 process, now 2"],
    )


def test_a_resume_with_another_augmentation_is_refused(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    interrupted(tmp_path / "run", training_set, tiny_checkpoint)
    data = one_dataset(training_set, augmentation={"ops": [{"type": "hflip"}]})
    config = sft_config(training_set, tiny_checkpoint, data=data)
    with pytest.raises(ConfigError, match="another order"):
        job.run(config, context(tmp_path / "run", attempt=2))


def interrupted(folder: Path, dataset: Path, model: Path) -> None:
    with pytest.raises(InterruptedRunError):
        job.run(sft_config(dataset, model), context(folder, StopAfter(2)))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"steps": 5}, "steps"), ({"seed": 4}, "order"), ({"batch_size": 2}, "order")],
)
def test_a_resume_with_another_plan_is_refused(
    tmp_path: Path,
    training_set: Path,
    tiny_checkpoint: Path,
    changes: dict[str, Any],
    named: str,
) -> None:
    interrupted(tmp_path / "run", training_set, tiny_checkpoint)
    config = sft_config(training_set, tiny_checkpoint, **changes)
    with pytest.raises(ConfigError, match=f"another {named}"):
        job.run(config, context(tmp_path / "run", attempt=2))


def test_a_resume_on_other_data_is_refused(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    interrupted(tmp_path / "run", training_set, tiny_checkpoint)
    other = write_training_set(tmp_path / "other", train=12, val=4)
    with pytest.raises(ConfigError, match="another data"):
        job.run(sft_config(other, tiny_checkpoint), context(tmp_path / "run", attempt=2))


def test_an_unfinished_checkpoint_is_passed_over(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    interrupted(tmp_path / "run", training_set, tiny_checkpoint)
    (tmp_path / "run" / "checkpoints" / "step-3").mkdir()
    job.run(sft_config(training_set, tiny_checkpoint), context(tmp_path / "run", attempt=2))
    assert sorted(metrics(tmp_path / "run")) == [1, 2, 3, 4]
