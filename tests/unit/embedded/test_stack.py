"""`python -m console.embedded up` as a person runs it: the real console, broker and workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.embedded.processes import kill_all, tagged
from console.embedded.state import ROOT, State, open_state, read_json


def wait_for(condition: Callable[[], object], limit_s: float = 90.0) -> None:
    """Wait until something is true; the limit only ends a broken test."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def answers(url: str | None) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


class Person:
    """Starts and stops stacks of one state folder."""

    def __init__(self, folder: Path) -> None:
        self.state: State = open_state({"GATEHOUSE_STATE": str(folder)})
        self.output = folder.with_suffix(".out")
        self.process: subprocess.Popen[bytes] | None = None

    def up(self, *arguments: str) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment["GATEHOUSE_STATE"] = str(self.state.root)
        command = [sys.executable, "-m", "console.embedded", "up", *arguments]
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        process = self.process
        wait_for(lambda: "is up at" in self.output.read_text() or process.poll() is not None)
        assert "is up at" in self.output.read_text(), self.output.read_text()

    def press_ctrl_c(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def kill_everything(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        kill_all(self.processes())

    def processes(self) -> list[int]:
        return tagged(str(self.state.root))

    def pid(self, service: str) -> int:
        return int(read_json(self.state.pids)["services"][service]["pid"])


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    one = Person(tmp_path / "one")
    yield one
    if one.process is not None and one.process.poll() is None:
        one.kill_everything()


def test_up_serves_pages_comes_back_and_ctrl_c_leaves_no_process(person: Person) -> None:
    person.up()
    assert answers(person.state.url())
    assert "One-time password: " in person.output.read_text()
    assert len(person.processes()) >= 5
    assert person.state.host_token.stat().st_mode & 0o077 == 0
    before = {name: person.pid(name) for name in ("broker", "web", "worker", "control")}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: all(person.pid(name) != pid for name, pid in before.items()))
    wait_for(lambda: answers(person.state.url()))
    assert json.loads(person.state.ports.read_text())
    assert person.press_ctrl_c() == 0
    assert person.processes() == []
    assert not person.state.pids.exists()
    assert not answers(person.state.url())


def test_two_folders_run_at_the_same_time_and_each_starts_again_after_any_kill(
    person: Person, tmp_path: Path
) -> None:
    other = Person(tmp_path / "two")
    person.up()
    first = person.state.url()
    try:
        other.up()
        assert first != other.state.url()
        assert answers(first)
        assert answers(other.state.url())

        person.kill_everything()
        assert not answers(first)
        assert answers(other.state.url())
        person.up()
        assert person.state.url() == first, "after everything was killed, at the same address"
        assert answers(first)
        other.press_ctrl_c()
        assert answers(first)
    finally:
        if other.process is not None and other.process.poll() is None:
            other.kill_everything()

    assert person.process is not None
    person.process.kill()
    person.process.wait()
    assert answers(first), "only the supervisor was killed"
    old = set(person.processes())
    assert old
    person.up()
    assert not old & set(person.processes())
    person.press_ctrl_c()
    assert person.processes() == []


def test_a_start_that_fails_says_why_and_leaves_no_process(person: Person) -> None:
    environment = {**os.environ, "GATEHOUSE_STATE": str(person.state.root)}
    environment["DJANGO_SETTINGS_MODULE"] = "console.settings.embedded"
    environment["DATABASE_URL"] = f"sqlite:///{person.state.root}/absent/db.sqlite3"
    done = subprocess.run(
        [sys.executable, "-m", "console.embedded", "up", "--once"], cwd=ROOT, env=environment,
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1
    assert "manage.py bootstrap failed" in done.stderr
    assert "unable to open database file" in done.stderr
    assert person.processes() == []
