"""Processes of the stack: kept alive, stopped with their tree, cleaned up after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from console.embedded import janitor
from console.embedded.processes import STACK_TAG, start_time
from console.embedded.service import LOG_LIMIT, Service
from console.embedded.state import State, open_state, write_json

TREE = """
import subprocess, sys, time
p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(p.pid, flush=True)
time.sleep(60)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + TREE


def wait_for(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    """Wait until something is true; the limit only ends a broken test."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state({"GATEHOUSE_STATE": str(tmp_path / "state")})


Make = Callable[[str], Service]


@pytest.fixture
def make(state: State) -> Iterator[Make]:
    made: list[Service] = []

    def one(script: str) -> Service:
        environment = {**os.environ, STACK_TAG: str(state.root)}
        service = Service(
            f"s{len(made)}", (sys.executable, "-c", script), environment,
            state.logs / f"s{len(made)}.log", state.root, stop_s=1.0,
        )
        made.append(service)
        return service

    yield one
    for service in made:
        service.kill()


def grandchild(service: Service) -> int:
    wait_for(lambda: service.log.read_text().strip())
    return int(service.log.read_text().split()[0])


@pytest.mark.parametrize("script", [TREE, DEAF])
def test_stopping_a_service_leaves_none_of_its_processes(make: Make, script: str) -> None:
    service = make(script)
    service.start()
    helper = grandchild(service)
    service.stop()
    assert not service.alive()
    assert start_time(helper) is None


def test_a_service_that_dies_is_started_again_without_its_old_helpers(make: Make) -> None:
    service = make(TREE)
    service.start()
    helper = grandchild(service)
    first = service.pid
    assert not service.tend()
    os.kill(first or 0, 9)
    wait_for(lambda: not service.alive())
    wait_for(service.tend)
    assert service.pid != first
    assert start_time(helper) is None


def test_restarts_of_a_service_that_keeps_dying_come_later_and_later(make: Make) -> None:
    service = make("raise SystemExit(3)")
    service.start()
    pauses = []
    for _ in range(3):
        wait_for(lambda: not service.alive())
        service.tend()
        assert service._restart_at is not None
        pauses.append(service._restart_at - time.monotonic())
        service._restart_at = 0.0
        assert service.tend()
    assert pauses == sorted(pauses)
    assert service.status() in (None, 3)


def test_a_long_log_is_set_aside_at_the_next_start(make: Make) -> None:
    service = make("print('new')")
    service.log.write_bytes(b"x" * (LOG_LIMIT + 1))
    service.start()
    wait_for(lambda: service.log.read_text() == "new\n")
    assert service.log.with_suffix(".1.log").stat().st_size == LOG_LIMIT + 1
    assert service.log_tail() == "new"


def test_the_janitor_kills_what_carries_the_tag_and_nothing_else(make: Make, state: State) -> None:
    service = make(TREE)
    service.start()
    helper = grandchild(service)
    other = {**os.environ, STACK_TAG: f"{state.root}-of-another-clone"}
    with subprocess.Popen([sys.executable, "-c", TREE], env=other, stdout=subprocess.DEVNULL) as p:
        assert janitor.clean(state) == 2
        assert p.poll() is None
        for child in psutil.Process(p.pid).children():
            child.kill()
        p.kill()
    assert start_time(helper) is None


def test_the_janitor_spares_a_stranger_that_has_a_recorded_id(state: State) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        row = {"pid": stranger.pid, "started": 1.0}
        write_json(state.pids, {"services": {"web": row, "broken": 7}})
        assert janitor.clean(state) == 0
        assert stranger.poll() is None
        stranger.kill()


def test_the_janitor_lets_a_job_save_before_it_ends(state: State) -> None:
    saved = state.root / "saved"
    script = f"""
import signal, sys, time
def save(*_):
    open({str(saved)!r}, "w").close()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
open({str(saved)!r} + "-ready", "w").close()
time.sleep(60)
"""
    folder = state.host / "runs" / "abc"
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", script], start_new_session=True) as job:
        wait_for((state.root / "saved-ready").exists)
        write_json(folder / "child.json", {"pid": job.pid, "started": start_time(job.pid)})
        janitor.clean(state)
        assert job.wait(5) == 75
    assert saved.exists()
