"""The runs of a dead worker: their last words arrive, and they are settled at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from jobs.child import PidRecord
from jobs.client import HostClient
from jobs.processes import RUN_TAG, start_time, tag_of
from jobs.salvage import salvage_all
from jobs.settings import HostSettings
from mlcore.run.events import EventWriter
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder
from tests.support.fake_console import FakeConsole
from tests.unit.jobs.test_supervisor import alive

ASLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def folder(settings: HostSettings) -> RunFolder:
    made = RunFolder(settings.runs / "run1")
    events = EventWriter(made.events(1))
    for number in range(5):
        events.metric(number, {"loss": 1.0})
    made.log(1).write_bytes(b"first half, second half\n")
    return made


@pytest.fixture
def child(folder: RunFolder) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, RUN_TAG: tag_of("run1", 1)}
    with subprocess.Popen(ASLEEP, env=env, start_new_session=True) as process:
        yield process
        process.kill()


def note(folder: RunFolder, pid: int, *, worker_pid: int = 1, lease: str = "lease-1") -> Path:
    """A pid record as a worker writes it; worker 1 did not start when the record says."""
    started = start_time(pid) or 0.0
    worker_started = start_time(worker_pid) or 0.0
    shift = 0.0 if worker_pid == os.getpid() else 1000.0
    record = PidRecord(pid, pid, started, worker_pid, worker_started - shift, "7", 1, lease)
    path = folder.root / "child.json"
    path.write_text(json.dumps(asdict(record)))
    return path


def test_what_was_not_carried_arrives_once_and_the_attempt_ends_as_interrupted(
    folder: RunFolder, client: HostClient, console: FakeConsole, settings: HostSettings
) -> None:
    stored = [json.loads(line) for line in folder.events(1).read_text().splitlines()[:3]]
    console.events = stored
    console.log = b"first half, "
    record = note(folder, 2**22 - 1)
    assert salvage_all(client, settings) == 1
    assert [e["seq"] for e in console.events] == [1, 2, 3, 4, 5]
    assert console.log == b"first half, second half\n"
    assert console.finishes[0]["exit_code"] == ExitCode.INTERRUPTED
    assert console.finishes[0]["last_seq"] == 5
    assert not record.exists()


def test_a_child_that_does_not_stop_in_time_is_killed_and_its_lease_kept_meanwhile(
    folder: RunFolder, child: subprocess.Popen[bytes], client: HostClient, console: FakeConsole,
    settings: HostSettings,
) -> None:
    note(folder, child.pid)
    salvage_all(client, settings)
    assert not alive(child.pid)
    assert console.beats
    assert len(console.finishes) == 1


def test_a_lost_lease_only_ends_the_processes(
    folder: RunFolder, child: subprocess.Popen[bytes], client: HostClient, console: FakeConsole,
    settings: HostSettings,
) -> None:
    note(folder, child.pid, lease="an old one")
    salvage_all(client, settings)
    assert not alive(child.pid)
    assert console.events == []
    assert console.finishes == []


def test_the_run_of_a_live_worker_is_left_alone(
    folder: RunFolder, child: subprocess.Popen[bytes], client: HostClient, console: FakeConsole,
    settings: HostSettings,
) -> None:
    note(folder, child.pid, worker_pid=os.getpid())
    assert salvage_all(client, settings) == 0
    assert alive(child.pid)
    assert console.requests == []
