"""Which broker is chosen, and that the embedded one works."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.embedded import broker
from console.embedded.broker import SOCKET_LIMIT, answers, choose_broker, remove_socket_folder
from console.embedded.errors import StackError
from console.embedded.state import State, open_state


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state({"GATEHOUSE_STATE": str(tmp_path / "state")})


def test_redis_url_wins_and_nothing_is_started(state: State) -> None:
    chosen = choose_broker(state, {"REDIS_URL": "redis://somewhere:6379/1"})
    assert chosen.url == "redis://somewhere:6379/1"
    assert chosen.command is None


def test_the_embedded_broker_answers_on_its_socket_and_opens_no_port(state: State) -> None:
    chosen = choose_broker(state, {})
    assert chosen.command is not None
    assert chosen.socket is not None
    assert chosen.command[chosen.command.index("--port") + 1] == "0"
    assert not answers(chosen.socket)
    with subprocess.Popen(chosen.command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while not answers(chosen.socket):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert chosen.socket.stat().st_mode & 0o077 == 0
        process.terminate()
    remove_socket_folder(state)
    assert not chosen.socket.parent.exists()


def test_the_socket_folder_of_a_killed_stack_is_removed_at_the_next_start(state: State) -> None:
    first = choose_broker(state, {}).socket
    second = choose_broker(state, {}).socket
    assert first is not None
    assert second is not None
    assert not first.parent.exists()
    assert second.parent.exists()
    remove_socket_folder(state)


def test_a_long_temporary_folder_still_gives_a_path_that_fits(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    path = choose_broker(state, {}).socket
    assert len(os.fsencode(str(path))) <= SOCKET_LIMIT
    remove_socket_folder(state)


def test_without_any_server_the_error_says_what_to_do(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "find_server", lambda: None)
    with pytest.raises(StackError, match="install redis-server, or set REDIS_URL"):
        choose_broker(state, {})


def test_a_server_on_the_path_serves_where_the_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "redis-server"
    program.write_text(f"#!{sys.executable}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert broker.find_server() == program
