"""Cleaning up after a stack that was killed with -9: its own processes, nobody else's."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from console.embedded.processes import is_same, kill_all, session_members, start_time, tagged
from console.embedded.state import State, read_json, write_json

RUN_STOP_S = 5.0
"""how long left-over jobs may take to save before they are killed"""


def record(state: State, services: dict[str, int]) -> None:
    """Keep who runs, for the janitor of a later start."""
    rows = {name: {"pid": pid, "started": start_time(pid)} for name, pid in services.items()}
    write_json(state.pids, {"services": rows})


def clean(state: State) -> int:
    """Kill what an earlier stack of this state folder left; returns how many processes.

    Call it while holding the state's lock: then everything that carries its tag is a left-over.
    """
    found: set[int] = set(tagged(str(state.root)))
    for row in read_json(state.pids).get("services", {}).values():
        if _is_recorded(row):
            found.update(session_members(row["pid"]))
    killed = kill_all(sorted(found))
    killed += _stop_runs(state)
    state.pids.unlink(missing_ok=True)
    return killed


def _stop_runs(state: State) -> int:
    """End the jobs of dead workers: asked first, so that they save, then killed."""
    leaders = []
    for file in state.host.glob("runs/*/child.json"):
        row = read_json(file)
        if _is_recorded(row):
            leaders.append(int(row["pid"]))
    for pid in leaders:
        if start_time(pid) is not None:
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + RUN_STOP_S
    while time.monotonic() < deadline and any(start_time(pid) is not None for pid in leaders):
        time.sleep(0.05)
    return sum(kill_all(session_members(pid)) for pid in leaders)


def _is_recorded(row: Any) -> bool:
    """True when the row names a live process that started when it says."""
    if not isinstance(row, dict) or not isinstance(row.get("pid"), int):
        return False
    started = row.get("started")
    return isinstance(started, int | float) and is_same(row["pid"], started)
