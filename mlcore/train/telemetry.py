"""What a training run tells: progress, rates and losses as events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

from mlcore.run.events import EventWriter

Ratio = tuple[float, float]
"""a sum and what it is divided by"""


@dataclass(frozen=True)
class StepFacts:
    """One finished step, over all ranks.

    `values` are its losses, rate and gradient norm; `ratios` are sums whose share over the whole
    window is told (the loss of one dataset's tokens, say); `counts` are added up.
    """

    values: Mapping[str, float]
    tokens: int
    samples: int
    ratios: Mapping[str, Ratio] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Telemetry:
    """Collects steps on rank 0 and writes one metric event every `every` steps.

    A value is its mean over the steps since the last event that had it: with one dataset a step
    has one task, so the losses of the other task come from other steps. `lr` is that of the last
    step. Rates count all ranks, evaluations and checkpoints left out. A resume starts with an
    empty window.
    """

    events: EventWriter
    steps: int
    every: int
    _values: dict[str, list[float]] = field(default_factory=dict)
    _ratios: dict[str, Ratio] = field(default_factory=dict)
    _counts: dict[str, float] = field(default_factory=dict)
    _tokens: int = 0
    _samples: int = 0
    _seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def begin_step(self) -> None:
        self._began = time.monotonic()

    def end_step(self, step: int, facts: StepFacts, epoch: float) -> dict[str, float]:
        """`step` counts finished steps. Returns what was written, or nothing between two events."""
        for name, value in facts.values.items():
            self._values.setdefault(name, []).append(value)
        for name, (part, whole) in facts.ratios.items():
            before = self._ratios.get(name, (0.0, 0.0))
            self._ratios[name] = (before[0] + part, before[1] + whole)
        for name, count in facts.counts.items():
            self._counts[name] = self._counts.get(name, 0.0) + count
        self._tokens += facts.tokens
        self._samples += facts.samples
        self._seconds += time.monotonic() - self._began
        if step % self.every and step != self.steps:
            return {}
        told = {name: fmean(row) for name, row in self._values.items()}
        told |= {name: part / whole for name, (part, whole) in self._ratios.items() if whole}
        told |= self._counts
        told["lr"] = facts.values["lr"]
        seconds = max(self._seconds, 1e-9)
        speed = {
            "tokens_per_s": self._tokens / seconds,
            "samples_per_s": self._samples / seconds,
        }
        self.events.metric(step, {**told, **speed}, epoch=epoch)
        self.events.progress(step, self.steps, "steps")
        self._values, self._ratios, self._counts = {}, {}, {}
        self._tokens = self._samples = 0
        self._seconds = 0.0
        return told
