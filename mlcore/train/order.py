"""Which samples each step takes: a pure function of (seed, step), so resume needs no iterator."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlcore.chat.prompts import Mode


@dataclass(frozen=True)
class StepPlan:
    """The work of one step: one task, and the sample indices of the whole batch in order."""

    mode: Mode
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """The order of `samples` samples in batches of `batch_size`, for ever.

    Each task walks through its own shuffled epochs, so every sample is seen equally often in
    both. World size and accumulation play no part: ranks take slices of the same batch.
    """

    samples: int
    batch_size: int
    summary_share: float
    seed: int

    def step(self, step: int) -> StepPlan:
        """The plan of step `step`, counted from 0."""
        before = self._summaries_before(step)
        summary = self._summaries_before(step + 1) > before
        nth = before if summary else step - before
        start = nth * self.batch_size
        places = range(start, start + self.batch_size)
        return StepPlan(
            "summary" if summary else "dense", tuple(self._at(p, int(summary)) for p in places)
        )

    def epoch(self, step: int) -> float:
        """How often the data has been seen before `step`, over both tasks."""
        return step * self.batch_size / self.samples

    def digest(self) -> str:
        """Names the order: a resumed run refuses another one."""
        text = f"{self.samples}/{self.batch_size}/{self.summary_share!r}/{self.seed}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _summaries_before(self, step: int) -> int:
        """Step s is a summary step when floor((s+1)r) > floor(sr): evenly spread, exact share."""
        return int(step * self.summary_share + 1e-9)

    def _at(self, place: int, stream: int) -> int:
        epoch, offset = divmod(place, self.samples)
        return int(_permutation(self.samples, self.seed, stream, epoch)[offset])


@lru_cache(maxsize=8)
def _permutation(samples: int, seed: int, stream: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, stream, epoch]).permutation(samples)
