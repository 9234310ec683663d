"""What a training run tells: progress, rates and losses as events."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import fmean

from mlcore.run.events import EventWriter


@dataclass
class Telemetry:
    """Collects steps on rank 0 and writes one metric event every `every` steps.

    Losses and norms are means over the steps since the last event that had them, so the rhythm of
    the events never hides a task whose steps fall between them; the learning rate is the latest.
    Rates count all ranks, evaluations and checkpoints left out. Losses are in nats per token.
    """

    events: EventWriter
    steps: int
    every: int
    _tokens: int = 0
    _samples: int = 0
    _seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _values: dict[str, list[float]] = field(default_factory=dict)

    def begin_step(self) -> None:
        self._began = time.monotonic()

    def end_step(
        self, step: int, values: dict[str, float], tokens: int, samples: int, epoch: float
    ) -> None:
        """`step` counts finished steps; `values` are its losses, rate and gradient norm."""
        self._tokens += tokens
        self._samples += samples
        self._seconds += time.monotonic() - self._began
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)
        if step % self.every == 0 or step == self.steps:
            self._write(step, epoch)

    def _write(self, step: int, epoch: float) -> None:
        seconds = max(self._seconds, 1e-9)
        figures = {
            name: found[-1] if name == "lr" else fmean(found)
            for name, found in self._values.items()
        }
        figures["tokens_per_s"] = self._tokens / seconds
        figures["samples_per_s"] = self._samples / seconds
        self.events.metric(step, figures, epoch=epoch)
        self.events.progress(step, self.steps, "steps")
        self._tokens = self._samples = 0
        self._seconds = 0.0
        self._values = {}
