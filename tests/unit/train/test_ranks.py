"""Ranks are born, stop and die together, and a dead one is named with what it died of."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlcore.errors import DataError, GatehouseError, InterruptedRunError
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.folder import write_json
from mlcore.run.signals import StopSignal
from mlcore.train.group import other_ranks
from tests.support.training import context, metrics, sft_config, sft_settings, start_run

LONG: dict[str, Any] = {
    "steps": 100_000,
    "engine": {"type": "ddp", "processes": 2},
    "checkpoint": {"every_steps": 100_000, "keep": 1},
}


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for a condition, as long as the process lives."""
    while not condition():
        assert process.poll() is None, f"the run ended with {process.returncode}"
        time.sleep(0.02)


def children_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def errors_of(folder: Path) -> list[dict[str, Any]]:
    events = read_events(folder / "events" / "attempt-1.jsonl")
    return [event for event in events if event["type"] == "error"]


@pytest.fixture
def running(tmp_path: Path, training_set: Path, tiny_checkpoint: Path) -> Any:
    """A long run of two ranks that has done its first steps."""
    process = start_run(tmp_path / "run", sft_settings(training_set, tiny_checkpoint, **LONG))
    wait_until(lambda: len(metrics(tmp_path / "run")) >= 2, process)
    yield process
    process.kill()
    process.wait()


def test_a_request_to_stop_leaves_a_checkpoint_and_no_rank(
    running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    ranks = children_of(running)
    running.send_signal(signal.SIGTERM)
    assert running.wait() == ExitCode.INTERRUPTED
    ready = list((tmp_path / "run" / "checkpoints").glob("step-*/READY"))
    assert len(ready) == 1
    files = {path.name for path in ready[0].parent.iterdir()}
    assert {"rng-0.safetensors", "rng-1.safetensors"} <= files
    assert psutil.wait_procs(ranks, timeout=30)[1] == []


def test_a_killed_rank_ends_the_run_as_infrastructure(
    running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (rank,) = children_of(running)
    rank.kill()
    assert running.wait() == ExitCode.INFRA
    assert errors_of(tmp_path / "run")[0]["message"] == "rank 1 was killed by signal 9"


def test_no_rank_outlives_a_killed_leader(running: subprocess.Popen[bytes]) -> None:
    ranks = children_of(running)
    assert len(ranks) == 1
    running.kill()
    assert psutil.wait_procs(ranks, timeout=60)[1] == []


def test_a_rank_that_refuses_its_data_ends_the_run_as_data(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    config = sft_config(training_set, tiny_checkpoint, **LONG)
    ctx = context(tmp_path / "run")
    write_json(ctx.folder.resolved_config, {**config.model_dump(mode="json"), "sha256": ""})
    datasets = json.dumps({str(training_set): str(tmp_path)})
    meeting = tmp_path / "meeting"
    arguments = [str(ctx.folder.root), str(tiny_checkpoint), str(meeting), datasets]
    with (
        pytest.raises(DataError, match=r"rank 1: .* is not a dataset"),
        other_ranks(arguments, meeting, 2, ctx) as group,
    ):
        group.wait_ready()


def test_a_rank_that_dies_before_the_meeting_is_not_waited_for(tmp_path: Path) -> None:
    ctx = context(tmp_path / "run")
    with (
        pytest.raises(GatehouseError, match="rank 1 ended with status 1"),
        other_ranks(["too", "few"], tmp_path / "meeting", 2, ctx) as group,
    ):
        group.wait_ready()
    assert "Traceback" in (tmp_path / "run" / "log" / "rank-1.txt").read_text()


def test_a_stop_while_ranks_load_is_heard(tmp_path: Path) -> None:
    stop = StopSignal()
    stop.request()
    ctx = context(tmp_path / "run", stop)
    with (
        pytest.raises(InterruptedRunError),
        other_ranks(["too", "few"], tmp_path / "meeting", 2, ctx) as group,
    ):
        group.wait_ready()
