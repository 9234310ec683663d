"""The state folder: made once, used by one stack at a time."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from console.embedded.errors import StackError
from console.embedded.ports import is_free, web_port
from console.embedded.state import State, locked, open_state, read_json, write_json, write_secret


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state({"GATEHOUSE_STATE": str(tmp_path / "state")})


def test_the_folder_is_private_and_has_its_parts(state: State) -> None:
    assert state.root.stat().st_mode & 0o077 == 0
    assert {p.name for p in state.root.iterdir()} == {"logs", "blobs", "broker", "host", "data"}


def test_a_file_in_the_way_is_a_sentence_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StackError, match="cannot be written"):
        open_state({"GATEHOUSE_STATE": str(tmp_path / "state" / "below")})


def test_a_second_stack_on_the_same_folder_is_told_where_the_first_is(state: State) -> None:
    write_json(state.ports, {"web": 4321})
    with (
        locked(state),
        pytest.raises(StackError, match=r"http://127\.0\.0\.1:4321"),
        locked(state),
    ):
        raise AssertionError("both hold the lock")


def test_the_lock_ends_with_its_process(state: State) -> None:
    script = (
        "import os, sys; from console.embedded.state import *; "
        f"state = open_state({{'GATEHOUSE_STATE': {str(state.root)!r}}})\n"
        "with locked(state): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    with locked(state):
        assert (state.root / "lock").exists()


def test_the_port_of_last_time_is_used_again_while_it_is_free(state: State) -> None:
    first = web_port(state)
    assert web_port(state) == first
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first))
        other.listen()
        assert not is_free(first)
        assert web_port(state) != first


def test_a_wanted_port_wins(state: State) -> None:
    assert web_port(state, 12345) == 12345
    assert state.url() == "http://127.0.0.1:12345"


def test_a_file_that_was_cut_short_reads_as_empty(state: State) -> None:
    state.ports.write_text('{"web": 12')
    assert read_json(state.ports) == {}


def test_a_secret_is_for_its_owner_only(state: State) -> None:
    state.host_token.write_text("old")
    state.host_token.chmod(0o644)
    write_secret(state.host_token, "new")
    assert state.host_token.read_text() == "new"
    assert state.host_token.stat().st_mode & 0o077 == 0
