"""Several processes share the images, and what one of them dies of reaches the leader."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from mlcore.errors import DataError, InfrastructureError
from mlcore.run.context import RunContext
from mlcore.run.events import read_events
from mlcore.stage_a import shards
from mlcore.stage_a.answer import Answer, Job, Task
from mlcore.stage_a.job import run
from tests.support.datasets import run_context
from tests.support.ticket_folders import ticket_folders
from tests.unit.stage_a.test_stage_a_job import config, written


@pytest.fixture
def ctx(tmp_path: Path) -> RunContext:
    return run_context(tmp_path / "run")


JOBS = [Job(number, 0, f"g{number}/1.jpg", f"{number}.jpg") for number in range(5)]
TASK = cast("Task", None)


class Echo:
    """Answers with the name of the image; dies at the one that is asked for."""

    def __init__(self, task: Task, warn: Any, *, rank: int = 0, events: Any = None) -> None:
        warn("rank", f"{rank}")

    def answers(self, jobs: Any) -> Any:
        for job in jobs:
            if job.name == "g4/1.jpg":
                raise DataError("the weights are torn", hint="Copy them anew.", where="w")
            yield [Answer(job, job.name)]


class InThreads:
    """Stands for the context of processes: the same calls, threads instead."""

    def __init__(self) -> None:
        from multiprocessing import get_context

        self._real = get_context("spawn")

    def Pipe(self, duplex: bool) -> Any:
        ours, theirs = self._real.Pipe(duplex=duplex)
        # The leader closes its copy of the other end, which here is the only one.
        return ours, _Kept(theirs)

    def Process(self, target: Any, args: Any, daemon: bool) -> Any:
        thread = threading.Thread(target=_until_exit, args=(target, args), daemon=daemon)
        return _Process(thread)


class _Kept:
    def __init__(self, pipe: Any) -> None:
        self.send = pipe.send

    def close(self) -> None:
        """Nothing: the thread goes on writing."""


class _Process:
    def __init__(self, thread: threading.Thread) -> None:
        self.start, self.join = thread.start, thread.join

    def terminate(self) -> None:
        """Nothing: the thread ends by itself."""


def _until_exit(target: Any, args: Any) -> None:
    try:
        target(*args)
    except SystemExit:
        return


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlcore.stage_a import summarise

    monkeypatch.setattr(summarise, "Summariser", Echo)
    monkeypatch.setattr(shards, "get_context", lambda _: InThreads())
    monkeypatch.setattr(shards.signal, "signal", lambda *_: None)


def test_every_image_is_asked_once_whoever_asks(threads: None, ctx: RunContext) -> None:
    found = [a for batch in shards.answers(TASK, JOBS[:4], 3, ctx.events) for a in batch]
    assert sorted(a.job.group for a in found) == [0, 1, 2, 3]
    warned = [e["message"] for e in read_events(ctx.events.path) if e["type"] == "warning"]
    assert sorted(warned) == ["0", "1", "2"]


def test_an_error_of_one_process_is_that_of_the_run(threads: None, ctx: RunContext) -> None:
    with pytest.raises(DataError, match="the weights are torn") as caught:
        list(shards.answers(TASK, JOBS, 2, ctx.events))
    assert (caught.value.hint, caught.value.where) == ("Copy them anew.", "w")


@pytest.mark.slow
def test_real_processes_write_the_same_bytes_as_one(tiny_checkpoint: Path, tmp_path: Path) -> None:
    root = ticket_folders(tmp_path / "tickets")
    one, three = run_context(tmp_path / "one"), run_context(tmp_path / "three")
    run(config(root, tiny_checkpoint), one)
    run(config(root, tiny_checkpoint, processes=3, batch_size=1), three)
    assert written(three) == written(one)


@pytest.mark.slow
def test_a_killed_process_is_infrastructure_and_leaves_none_of_the_others(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ticket_folders(tmp_path / "tickets")
    started: list[Any] = []
    real = shards._started

    def kept(*given: Any) -> Any:
        workers = real(*given)
        started.extend(workers.values())
        os.kill(started[0].pid, signal.SIGKILL)
        return workers

    monkeypatch.setattr(shards, "_started", kept)
    with pytest.raises(InfrastructureError, match="killed by signal 9"):
        run(config(root, tiny_checkpoint, processes=2), run_context(tmp_path / "run"))
    assert [process.is_alive() for process in started] == [False, False]
