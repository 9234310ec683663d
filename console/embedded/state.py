"""The state folder of one installation, and the lock that lets one stack at a time use it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.embedded.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
"""the checkout"""


@dataclass(frozen=True)
class State:
    """Paths below the state folder.

    db.sqlite3 and secret_key are made by the console; blobs/ab/<sha256> are its files; host/ is
    the worker's; broker/ the broker's append-only file; logs/ one file per service.
    """

    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def host(self) -> Path:
        return self.root / "host"

    @property
    def data(self) -> Path:
        """Where jobs may read by path; GATEHOUSE_ALLOWED_ROOTS says otherwise."""
        return self.root / "data"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def pids(self) -> Path:
        return self.root / "pids.json"

    @property
    def host_token(self) -> Path:
        return self.root / "host_token"

    def url(self) -> str | None:
        """Where the console last answered; None before the first start."""
        port = read_json(self.ports).get("web")
        return f"http://127.0.0.1:{port}" if port else None


def open_state(environ: Mapping[str, str] | None = None) -> State:
    """The state folder, GATEHOUSE_STATE or `var` of the checkout, made when missing.

    Raises StackError when it cannot be written.
    """
    env = os.environ if environ is None else environ
    state = State(Path(env.get("GATEHOUSE_STATE") or ROOT / "var").resolve())
    try:
        state.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (state.logs, state.blobs, state.broker, state.host, state.data):
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StackError(f"the state folder cannot be written: {error}") from error
    return state


@contextmanager
def locked(state: State) -> Iterator[None]:
    """Hold the state folder. The lock ends with the process, however it ends.

    Raises StackError when another process holds it.
    """
    with (state.root / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = state.url() or "another address"
            raise StackError(
                f"Gatehouse already runs on this state folder, at {where}. "
                f"Stop it first, or set GATEHOUSE_STATE to another folder than {state.root}."
            ) from None
        yield


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when the file is missing or was cut short by a crash."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write so that a reader sees the old object or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
