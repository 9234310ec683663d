"""Finding and killing the processes of a run: by group, and by the tag in their environment.

A process id alone is never trusted, because ids are reused: the start time must match too.
"""
from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import psutil

RUN_TAG = "GATEHOUSE_RUN"
"""environment variable of every process of a run; its value is the run's uid"""
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


def members(pgid: int | None, uid: str) -> list[int]:
    """Live processes of a run: those in its group that carry its tag, and those that left the
    group (a launcher calling setsid) but carry the tag."""
    own = os.getpid()
    return [pid for pid in _candidates(pgid) if pid != own and _tag_of(pid) == uid]


def kill_run(pgid: int | None, uid: str) -> int:
    """SIGKILL to every process of a run; returns how many. Repeats while new ones appear."""
    killed: set[int] = set()
    for _ in range(5):
        alive = members(pgid, uid)
        if not alive:
            break
        for pid in alive:
            if send(pid, signal.SIGKILL):
                killed.add(pid)
        _wait_gone(alive)
    return len(killed)


def send(pid: int, signum: signal.Signals) -> bool:
    """Send a signal to one process; False when it is gone."""
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return False
    return True


def _candidates(pgid: int | None) -> Iterator[int]:
    own_user = os.getuid()
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            in_group = pgid is not None and os.getpgid(process.pid) == pgid
            if in_group or process.uids().real == own_user:
                yield process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
            continue


def _tag_of(pid: int) -> str | None:
    try:
        tag: str | None = psutil.Process(pid).environ().get(RUN_TAG)
        return tag
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return None


def _wait_gone(pids: list[int]) -> None:
    """Wait up to a second. psutil's own wait would take a child's exit status from its owner."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline and any(start_time(pid) is not None for pid in pids):
        time.sleep(0.02)
