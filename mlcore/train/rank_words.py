"""What ranks say: every line of a log names its rank, and warnings of all ranks reach the run.

A rank other than 0 writes its warnings to an event file of its own, those of Python's `warnings`
and of libraries' logs included. Rank 0 reads these files as it goes and passes on what is new, with
the number of the rank.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers.utils import logging as library_logging

from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter, read_events
from mlcore.train.worker import rank_events

CODE = "log"
"""of a warning that a library wrote to its log"""


class WarningEvents(logging.Handler):
    """Writes records of a warning or worse as warning events."""

    def __init__(self, events: EventWriter) -> None:
        super().__init__(logging.WARNING)
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().strip()
        if record.levelno >= logging.WARNING and message:
            self._events.warning(CODE, f"{record.name}: {message}")


def name_the_rank(rank: int, world: int, events: EventWriter) -> None:
    """Begin every line of this process's logs with its rank, Python's warnings among them.

    Ranks other than 0 also write warnings as events, since people read rank 0's log.
    """
    lines = logging.StreamHandler(sys.stderr)
    form = f"[rank {rank}/{world}] %(levelname)s %(name)s: %(message)s"
    lines.setFormatter(logging.Formatter(form))
    handlers: list[logging.Handler] = [lines]
    if rank:
        handlers.append(WarningEvents(events))
    logging.basicConfig(handlers=handlers, level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    # Both libraries have handlers of their own and hide their records from ours.
    library_logging.disable_default_handler()
    library_logging.enable_propagation()
    torch = logging.getLogger("torch")
    torch.handlers.clear()
    torch.propagate = True


@contextmanager
def heard(rank: int, world: int, ctx: RunContext) -> Iterator[None]:
    """Let what this rank of several says inside be heard."""
    name_the_rank(rank, world, ctx.events)
    if rank:
        yield
        return
    files = {other: rank_events(ctx.folder, ctx.attempt, other) for other in range(1, world)}
    others = OtherRanks(files, ctx.events)
    try:
        yield
    finally:
        others.pass_on()


class OtherRanks:
    """On rank 0: passes on the warnings of the other ranks, each once however many say it, when
    the run tells how far it is."""

    def __init__(self, files: Mapping[int, Path], events: EventWriter) -> None:
        self._files = files
        self._read = dict.fromkeys(files, 0)
        self._said: set[tuple[str, str]] = set()
        self._events = events
        events.listeners.append(self._heard)

    def pass_on(self) -> None:
        """Tell the run's events and log what is new."""
        for rank, path in self._files.items():
            for event in read_events(path):
                if event["seq"] > self._read[rank]:
                    self._read[rank] = event["seq"]
                    self._tell(rank, event)

    def _tell(self, rank: int, event: Mapping[str, Any]) -> None:
        if event["type"] != "warning" or (event["code"], event["message"]) in self._said:
            return
        logging.getLogger(__name__).warning("rank %d: %s", rank, event["message"])
        self._events.warning(event["code"], event["message"], rank=rank)

    def _heard(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "warning":
            self._said.add((event["code"], event["message"]))
        elif event["type"] == "progress":
            self.pass_on()
