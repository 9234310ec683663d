"""The worker processes: a real Celery worker on a real broker, a console in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from console.embedded.broker import answers, choose_broker, remove_socket_folder
from console.embedded.state import State, open_state
from tests.support.fake_console import TOKEN, FakeConsole, claim_of
from tests.unit.jobs.test_supervisor import alive, wait_for

ROOT = Path(__file__).resolve().parents[3]
SYNTH = "kind: synth\nname: two scenes\ntrain: 2\nval: 1\n"


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state({"GATEHOUSE_STATE": str(tmp_path / "state")})


@contextmanager
def running(command: list[str], **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **extra})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def broker_url(state: State) -> Iterator[str]:
    broker = choose_broker(state, {})
    assert broker.command is not None
    assert broker.socket is not None
    with running(list(broker.command)):
        path = broker.socket
        wait_for(lambda: answers(path))
        yield broker.url
    remove_socket_folder(state)


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(console: FakeConsole, state: State, broker_url: str) -> Iterator[Start]:
    """Starts `python -m jobs.worker` with the given arguments."""
    processes = []

    def begin(*arguments: str, url: str | None = None) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ, "REDIS_URL": url or broker_url, "GATEHOUSE_URL": console.url,
            "GATEHOUSE_HOST_TOKEN": TOKEN, "GATEHOUSE_STATE": str(state.root),
            "OMP_NUM_THREADS": "1", "DJANGO_SETTINGS_MODULE": "console.settings.test",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker", *arguments], cwd=ROOT, env=environment
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_worker_says_what_it_is_and_takes_what_was_queued_before_it(
    start: Start, console: FakeConsole
) -> None:
    console.claims.append(claim_of(console, config=synth_config()))
    start("--queues", "cpu", "--slots", "1")
    wait_for(lambda: console.finishes, 60)
    (hello, *_) = console.hellos
    assert hello["queues"] == ["cpu"]
    assert hello["slots"] == 1
    assert hello["roots"]
    assert {"synth", "sft", "gate"} <= set(hello["kinds"])
    assert console.finishes[0]["exit_code"] == 0, console.log.decode()
    assert [output["name"] for output in console.finishes[0]["outputs"]] == ["dataset"]
    assert console.events[0]["type"] == "status"
    assert console.events[0]["phase"] == "starting"


def test_a_message_by_name_wakes_a_worker(
    start: Start, console: FakeConsole, broker_url: str
) -> None:
    start("--queues", "cpu", "--slots", "1")
    wait_for(lambda: "POST /claim" in console.requests, 60)
    console.claims.append(claim_of(console, config={"filename": "x.yaml", "text": "kind: no\n"}))
    Celery("sender", broker=broker_url).send_task("jobs.wake", queue="cpu", ignore_result=True)
    wait_for(lambda: console.finishes, 60)
    assert console.finishes[0]["exit_code"] == 2
    assert console.events[0]["type"] == "error"


def test_a_worker_that_is_asked_to_stop_interrupts_its_run_and_leaves_nothing(
    start: Start, console: FakeConsole
) -> None:
    console.claims.append(claim_of(console, config=synth_config(20_000)))
    worker = start("--queues", "cpu", "--slots", "1")
    wait_for(lambda: len(console.events) > 2 and console.beats and console.beats[-1]["pid"], 60)
    child = console.beats[-1]["pid"]
    worker.send_signal(signal.SIGTERM)
    worker.wait(60)
    assert console.finishes[0]["exit_code"] == 75
    assert not alive(child)


def test_the_child_of_a_killed_worker_stops_by_itself(
    start: Start, console: FakeConsole
) -> None:
    console.claims.append(claim_of(console, config=synth_config(20_000)))
    worker = start("--queues", "cpu", "--slots", "1")
    wait_for(lambda: len(console.events) > 2 and console.beats and console.beats[-1]["pid"], 60)
    child = console.beats[-1]["pid"]
    worker.kill()
    wait_for(lambda: not alive(child), 60)


def test_the_control_worker_ticks(start: Start, console: FakeConsole) -> None:
    start("--control", "--tick", "0.5")
    wait_for(lambda: console.ticks >= 2, 60)


def test_the_control_worker_ticks_without_a_broker(
    start: Start, console: FakeConsole, tmp_path: Path
) -> None:
    start("--control", "--tick", "0.5", url=f"redis+socket://{tmp_path}/nobody")
    wait_for(lambda: console.ticks >= 1, 60)


def test_a_worker_without_a_token_says_what_is_missing() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GATEHOUSE_")}
    done = subprocess.run(
        [sys.executable, "-m", "jobs.worker"], cwd=ROOT, env=environment, capture_output=True,
        text=True, check=False,
    )
    assert done.returncode == 2
    assert "GATEHOUSE_URL is not set" in done.stderr


def synth_config(train: int = 2) -> dict[str, object]:
    return {"filename": "synth.yaml", "text": SYNTH.replace("train: 2", f"train: {train}")}
