"""Processes of one stack: recognised by pid with start time, and by a tag in their environment."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import psutil

STACK_TAG = "GATEHOUSE_STACK"
"""environment variable of every service; its value is the state folder"""
START_TOLERANCE_S = 1.0


def start_time(pid: int) -> float | None:
    """When a live process started, in seconds since the epoch; None when there is none."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def is_same(pid: int, started: float) -> bool:
    """True when `pid` lives and started at that time."""
    found = start_time(pid)
    return found is not None and abs(found - started) <= START_TOLERANCE_S


def session_members(session: int) -> list[int]:
    """Live processes of a session that one of our services leads or led."""
    return [pid for pid in own_processes() if session_of(pid) == session]


def tagged(stack: str) -> list[int]:
    """Live processes that carry a stack's tag, this one left out."""
    return [pid for pid in own_processes() if pid != os.getpid() and _tag(pid) == stack]


def kill_all(pids: list[int]) -> int:
    """SIGKILL to each, then wait until they are gone; returns how many were alive."""
    killed = [pid for pid in pids if _kill(pid)]
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline and any(start_time(pid) is not None for pid in killed):
        time.sleep(0.02)
    return len(killed)


def own_processes() -> Iterator[int]:
    """Ids of live processes of this user."""
    user = os.getuid()
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.uids().real == user:
                yield process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _tag(pid: int) -> str | None:
    try:
        tag: str | None = psutil.Process(pid).environ().get(STACK_TAG)
        return tag
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return None
