"""The ranks of a real run stop and die together, and a dead one is named."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from tests.support.training import metrics, sft_settings, start_run

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


@pytest.mark.slow
def test_a_killed_rank_ends_the_run_as_infrastructure(
    running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    second = next(p for p in children_of(running) if p.environ()["RANK"] == "1")
    second.kill()
    assert running.wait() == ExitCode.INFRA
    assert errors_of(tmp_path / "run")[0]["message"] == "rank 1 was killed by signal 9"


@pytest.mark.slow
def test_no_rank_outlives_a_killed_leader(running: subprocess.Popen[bytes]) -> None:
    ranks = children_of(running)
    assert len(ranks) == 2
    running.kill()
    assert psutil.wait_procs(ranks, timeout=60)[1] == []
