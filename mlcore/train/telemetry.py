"""What a training run tells: progress, rates and losses as events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

import torch

from mlcore.metrics import Metric, find
from mlcore.run.events import EventWriter
from mlcore.train.clock import StepClock

Ratio = tuple[float, float]
"""a sum and what it is divided by"""
HEADS = ("time", "memory", "data", "augment", "pack")
"""what a figure of a step may be told under besides `train`"""


@dataclass(frozen=True)
class StepFacts:
    """One finished step, over all ranks.

    Names are those of `mlcore.metrics` without the `train/` before them. `values` are its losses,
    rate and gradient norm; `ratios` are sums whose share over the whole window is told (the loss
    of one dataset's tokens, say); `counts` are added up. `flops` is 0 where they are not counted.
    """

    values: Mapping[str, float]
    tokens: float
    samples: float
    supervised: float = 0.0
    flops: float = 0.0
    ratios: Mapping[str, Ratio] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Telemetry:
    """Collects steps on rank 0 and writes one metric event every `every` steps.

    Each figure is reduced over the steps since the last event as its metric declares, and over
    those that had it: with one dataset a step has one task, so the losses of the other task come
    from other steps. Rates count all ranks, evaluations and checkpoints left out. A resume starts
    with an empty window. Raises UndeclaredMetricError for a figure that nobody declared.

    `clock` measures the phases of this rank's steps; `peak` is how many operations a second all
    GPUs together could do, None where nobody knows or there is none.
    """

    events: EventWriter
    steps: int
    every: int
    clock: StepClock = field(default_factory=lambda: StepClock(torch.device("cpu")))
    peak: float | None = None
    _values: dict[str, list[float]] = field(default_factory=dict)
    _ratios: dict[str, Ratio] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def begin_step(self) -> None:
        self._began = time.monotonic()

    def end_step(self, step: int, facts: StepFacts, epoch: float) -> dict[str, float]:
        """`step` counts finished steps. Returns what was written, or nothing between two events."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        for name, value in {**facts.values, **facts.counts}.items():
            self._values.setdefault(told_as(name), []).append(value)
        self._values.setdefault("time/step_s", []).append(seconds)
        speeds = {
            "tokens_per_s": (facts.tokens, seconds),
            "supervised_tokens_per_s": (facts.supervised, seconds),
            "samples_per_s": (facts.samples, seconds),
        }
        if self.peak and facts.flops:
            speeds["mfu"] = (facts.flops, seconds * self.peak)
        for name, (part, whole) in {**facts.ratios, **speeds}.items():
            before = self._ratios.get(told_as(name), (0.0, 0.0))
            self._ratios[told_as(name)] = (before[0] + part, before[1] + whole)
        if step % self.every and step != self.steps:
            return {}
        told = {name: reduced(find(name), row) for name, row in self._values.items()}
        told |= {name: part / whole for name, (part, whole) in self._ratios.items() if whole}
        steps = len(self._values["time/step_s"])
        told |= {f"time/{name}_s": spent / steps for name, spent in self.clock.take().items()}
        self.events.metric(step, told, epoch=epoch)
        self.events.progress(step, self.steps, "steps")
        self._values, self._ratios = {}, {}
        return told


def told_as(name: str) -> str:
    """The declared name of a step's figure. Raises UndeclaredMetricError when there is none."""
    full = name if name.partition("/")[0] in HEADS else f"train/{name}"
    find(full)
    return full


def reduced(metric: Metric, values: list[float]) -> float:
    """Values of several steps as the one that the metric declares; a ratio without parts is their
    mean."""
    if metric.reduction == "sum":
        return sum(values)
    if metric.reduction == "last":
        return values[-1]
    if metric.reduction == "max":
        return max(values)
    return fmean(values)
