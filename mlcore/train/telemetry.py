"""What a training run tells: progress, rates and losses as events."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mlcore.run.events import EventWriter


@dataclass
class Telemetry:
    """Collects steps on rank 0 and writes one metric event every `every` steps.

    Losses are means per token over the last step, in nats; rates count all ranks since the last
    event, evaluations and checkpoints left out.
    """

    events: EventWriter
    steps: int
    every: int
    _tokens: int = 0
    _samples: int = 0
    _seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def begin_step(self) -> None:
        self._began = time.monotonic()

    def end_step(
        self, step: int, values: dict[str, float], tokens: int, samples: int, epoch: float
    ) -> None:
        """`step` counts finished steps; `values` are its losses, rate and gradient norm."""
        self._tokens += tokens
        self._samples += samples
        self._seconds += time.monotonic() - self._began
        if step % self.every and step != self.steps:
            return
        seconds = max(self._seconds, 1e-9)
        speed = {
            "tokens_per_s": self._tokens / seconds,
            "samples_per_s": self._samples / seconds,
        }
        self.events.metric(step, {**values, **speed}, epoch=epoch)
        self.events.progress(step, self.steps, "steps")
        self._tokens = self._samples = 0
        self._seconds = 0.0
