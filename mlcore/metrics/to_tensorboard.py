"""Figures as TensorBoard event files, by torch's own writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from torch.utils.tensorboard import SummaryWriter

from mlcore.metrics.exporter import End, ExportError, RunFacts

FOLDER = "tensorboard"
"""of a run folder, where the event files lie"""


class TensorBoardExporter:
    """Writes scalars under their names and the config as a text."""

    def __init__(self, facts: RunFacts) -> None:
        self._folder = facts.target or str(facts.folder / FOLDER)
        try:
            self._writer = SummaryWriter(self._folder)
        except OSError as error:
            raise self._failed(error) from error
        rows = "".join(f"| {key} | {value} |\n" for key, value in facts.params.items())
        self._writer.add_text("config", f"| key | value |\n|---|---|\n{rows}")

    def metric(self, step: int, values: Mapping[str, float], seconds: float) -> None:
        try:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step, walltime=seconds)
            self._writer.flush()
        except OSError as error:
            raise self._failed(error) from error

    def rewind(self, step: int) -> None:
        """TensorBoard hides what it has from the step of a session's start on."""
        start = Event(step=step + 1, session_log=SessionLog(status=SessionLog.START))
        files: Any = self._writer.file_writer
        files.add_event(start, step + 1)

    def close(self, end: End) -> None:
        try:
            self._writer.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> ExportError:
        return ExportError(f"cannot write event files: {error}", where=self._folder)


def open(facts: RunFacts) -> TensorBoardExporter:
    """Begin an event file in `facts.target`, or in the folder `tensorboard` of the run."""
    return TensorBoardExporter(facts)
