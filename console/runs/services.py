"""Writes of runs. People: launch, cancel, resume, retry, clone, edit. Hosts: claim, beat, events,
log, finish. The control worker: tick."""
from __future__ import annotations

from console.runs.beating import beat
from console.runs.claiming import claim, describe
from console.runs.control import StateConflictError, can_resume, cancel, clone, edit, resume, retry
from console.runs.fencing import LeaseLostError
from console.runs.finishing import Ending, finish, reap, tick
from console.runs.ingest import EventGapError, OffsetMismatchError, take_events, take_log
from console.runs.launching import LaunchRequest, Prepared, launch, prepare, request_of

__all__ = [
    "Ending", "EventGapError", "LaunchRequest", "LeaseLostError", "OffsetMismatchError",
    "Prepared", "StateConflictError", "beat", "can_resume", "cancel", "claim", "clone", "describe",
    "edit", "finish", "launch", "prepare", "reap", "request_of", "resume", "retry", "take_events",
    "take_log", "tick",
]
