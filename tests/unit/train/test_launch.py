"""Ranks are launched by torchrun's agent and stop together; the first one's error is the run's."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlcore.errors import (
    DataError,
    GatehouseError,
    InfrastructureError,
    InterruptedRunError,
    OutOfMemoryError,
)
from mlcore.run.events import read_events
from mlcore.run.signals import StopSignal
from mlcore.train.launch import launch
from mlcore.train.worker import Order
from tests.support.training import context

MODULE = "tests.support.ranks"
PARENT = """
import subprocess, sys, time
from pathlib import Path
while not (Path(sys.argv[1]) / "order.json").exists():
    time.sleep(0.01)
subprocess.Popen([sys.executable, "-m", "tests.support.ranks", sys.argv[1]])
time.sleep(600)
"""
"""starts one rank once it has its order, and does nothing more"""


def do(deed: str, folder: Path, stop: StopSignal | None = None) -> dict[str, Any]:
    """What two ranks report that do a deed of tests/support/ranks.py."""
    return dict(launch(context(folder, stop), Path(deed), 2, MODULE))


def left_since(moment: float) -> list[psutil.Process]:
    """Processes of this one that began after a moment; other tests may have left a helper."""
    return [child for child in psutil.Process().children() if child.create_time() > moment - 1]


def events_of(folder: Path) -> list[dict[str, Any]]:
    return list(read_events(folder / "events" / "attempt-1.jsonl"))


def test_rank_0_writes_the_run_s_events_and_its_report(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    ctx.events.status("loading", "before")
    assert launch(ctx, Path("report"), 2, MODULE) == {"world": 2, "attempt": 1}
    ctx.events.status("finishing", "after")
    events = events_of(tmp_path)
    assert [event["seq"] for event in events] == [1, 2, 3]
    assert [event.get("message") for event in events] == ["before", "rank 0", "after"]
    assert not list(tmp_path.glob(".ranks-*"))


def test_the_first_rank_s_error_is_the_run_s_and_the_others_end(tmp_path: Path) -> None:
    before = time.time()
    with pytest.raises(DataError, match="rank 1: no picture") as caught:
        do("refuse", tmp_path)
    assert (caught.value.hint, caught.value.where) == ("Add one.", "row 7")
    assert "Traceback" in (tmp_path / "log" / "attempt-1-rank-1.txt").read_text()
    assert not left_since(before)


def test_a_rank_without_memory_ends_the_run_as_out_of_memory(tmp_path: Path) -> None:
    before = time.time()
    with pytest.raises(OutOfMemoryError, match="rank 1: out of memory"):
        do("memory", tmp_path)
    assert not left_since(before)


def test_a_killed_rank_ends_the_run_as_infrastructure(tmp_path: Path) -> None:
    before = time.time()
    with pytest.raises(InfrastructureError, match="rank 1 was killed by signal 9"):
        do("killed", tmp_path)
    assert not left_since(before)


def test_a_rank_that_cannot_even_start_is_named_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(GatehouseError, match=r"rank \d ended with status 1"):
        launch(context(tmp_path), Path("."), 2, "tests.support.no_such_module")
    assert "No module" in (tmp_path / "log" / "attempt-1-rank-1.txt").read_text()


def test_a_stop_reaches_the_ranks_and_is_an_interruption(tmp_path: Path) -> None:
    stop = StopSignal()
    threading.Timer(0.5, stop.request).start()
    with pytest.raises(InterruptedRunError, match="stopped after step 3"):
        do("stopped", tmp_path, stop)


def test_a_rank_ends_with_its_leader(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    environment = {**os.environ, "RANK": "0", "WORLD_SIZE": "1"}
    leader = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], env=environment)
    replace(Order.of(ctx, Path("stopped")), leader=leader.pid).write(tmp_path)
    while not (events := events_of(tmp_path)):
        assert leader.poll() is None
        time.sleep(0.02)
    rank = psutil.Process(int(events[0]["message"]))
    leader.kill()
    leader.wait()
    assert psutil.wait_procs([rank], timeout=30)[1] == []
