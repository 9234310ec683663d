"""Finding and killing the processes of a run: by session, and by the tag in their environment.

A process id alone is never trusted, because ids are reused: the start time must match too.
"""
from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import psutil

RUN_TAG = "GATEHOUSE_RUN"
"""environment variable of every process of a run: `uid/attempt`"""
START_TOLERANCE_S = 1.0
"""start times are read from a clock of 10 ms ticks against a boot time of whole seconds"""


def start_time(pid: int) -> float | None:
    """When a process started, in seconds since the epoch; None when there is none."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def is_same(pid: int, started: float) -> bool:
    """True when `pid` is alive and is the process that started at that time."""
    found = start_time(pid)
    return found is not None and abs(found - started) <= START_TOLERANCE_S


def tag_of(uid: str, number: int) -> str:
    """The tag of one attempt; `uid/` alone stands for all attempts of the run."""
    return f"{uid}/{number}"


def members(tag: str, session: int | None = None) -> list[int]:
    """Live processes that carry the tag (a tag that ends in `/` is a prefix), wherever a launcher
    moved them, and those of the session, whatever happened to their environment."""
    own = os.getpid()
    return [pid for pid in _own_processes() if pid != own and _belongs(pid, tag, session)]


def kill_run(tag: str, session: int | None = None) -> int:
    """SIGKILL to every process of a run; returns how many. Repeats while new ones appear.

    Give `session` only when its leader is known to be the one meant.
    """
    killed: set[int] = set()
    for _ in range(5):
        alive = members(tag, session)
        if not alive:
            break
        killed.update(pid for pid in alive if send(pid, signal.SIGKILL))
        _wait_gone(alive)
    return len(killed)


def send(pid: int, signum: signal.Signals) -> bool:
    """Send a signal to one process; False when it is gone."""
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return False
    return True


def _own_processes() -> Iterator[int]:
    """Ids of live processes of this user."""
    user = os.getuid()
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.uids().real == user:
                yield process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def _belongs(pid: int, tag: str, session: int | None) -> bool:
    try:
        if session is not None and os.getsid(pid) == session:
            return True
        found = psutil.Process(pid).environ().get(RUN_TAG, "")
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False
    return bool(found == tag or (tag.endswith("/") and found.startswith(tag)))


def _wait_gone(pids: list[int]) -> None:
    """Wait up to a second. psutil's own wait would take a child's exit status from its owner."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline and any(start_time(pid) is not None for pid in pids):
        time.sleep(0.02)
