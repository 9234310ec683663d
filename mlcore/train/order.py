"""Which samples each step takes: a pure function of (seed, step), so resume needs no iterator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from mlcore.chat.prompts import Mode, Task
from mlcore.fusion.config import FusionConfig
from mlcore.fusion.plan import EpochPlan, epoch_plan

KEPT_EPOCHS = 2
"""plans kept: a batch may cross from one epoch into the next"""


class Draw(NamedTuple):
    """One sample: which dataset, which of its records, and the task.

    `visit` numbers the times that this record is drawn, so that what is random in a sample (its
    augmentation, say) is new each time and the same in every process.
    """

    member: int
    record: int
    mode: Task
    visit: int


@dataclass(frozen=True)
class StepPlan:
    """The work of one step: the samples of the whole batch in order."""

    draws: tuple[Draw, ...]


class SampleOrder(Protocol):
    """The order of a run's samples. Ranks take slices of the same batch, so the number of ranks
    and of micro-batches plays no part."""

    def step(self, step: int) -> StepPlan:
        """The plan of step `step`, counted from 0."""
        ...

    def epoch(self, step: int) -> float:
        """How often the data has been seen before `step`."""
        ...

    def drawn(self, steps: int) -> list[int]:
        """Samples of each dataset in the first `steps` steps."""
        ...

    def digest(self) -> str:
        """Names the order: a resumed run refuses another one."""
        ...


@dataclass(frozen=True)
class Order:
    """The order of one dataset's `samples` samples in batches of `batch_size`, for ever.

    A step has one task. Each task walks through its own shuffled epochs, so every sample is seen
    equally often in both.
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
        mode: Mode = "summary" if summary else "dense"
        return StepPlan(
            tuple(self._at(place, mode) for place in range(start, start + self.batch_size))
        )

    def epoch(self, step: int) -> float:
        """How often the data has been seen before `step`, over both tasks."""
        return step * self.batch_size / self.samples

    def drawn(self, steps: int) -> list[int]:
        """Samples in the first `steps` steps."""
        return [steps * self.batch_size]

    def digest(self) -> str:
        """Names the order: a resumed run refuses another one."""
        text = f"{self.samples}/{self.batch_size}/{self.summary_share!r}/{self.seed}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _summaries_before(self, step: int) -> int:
        """Step s is a summary step when floor((s+1)r) > floor(sr): evenly spread, exact share."""
        return int(step * self.summary_share + 1e-9)

    def _at(self, place: int, mode: Mode) -> Draw:
        stream = int(mode == "summary")
        epoch, offset = divmod(place, self.samples)
        record = int(_permutation(self.samples, self.seed, stream, epoch)[offset])
        return Draw(0, record, mode, 2 * epoch + stream)


@lru_cache(maxsize=8)
def _permutation(samples: int, seed: int, stream: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, stream, epoch]).permutation(samples)


@dataclass(frozen=True)
class FusionOrder:
    """The order of a mixture: one epoch's plan after the other. Tasks mix within a batch.

    `sizes` are the records of each dataset that can be drawn, by name.
    """

    config: FusionConfig
    sizes: Mapping[str, int]
    batch_size: int
    seed: int
    _plans: dict[int, EpochPlan] = field(default_factory=dict, compare=False, repr=False)

    def step(self, step: int) -> StepPlan:
        """The plan of step `step`, counted from 0."""
        start = step * self.batch_size
        return StepPlan(tuple(self._at(place) for place in range(start, start + self.batch_size)))

    def epoch(self, step: int) -> float:
        """How many epochs of the plan lie before `step`."""
        return step * self.batch_size / len(self.first)

    def drawn(self, steps: int) -> list[int]:
        """Samples of each dataset in the first `steps` steps, in the order of the config."""
        epochs, rest = divmod(steps * self.batch_size, len(self.first))
        rows = self.first.rows
        last = np.bincount(self.plan(epochs).member[:rest], minlength=len(rows))
        return [row.quota * epochs + int(n) for row, n in zip(rows, last, strict=True)]

    def digest(self) -> str:
        """Names the order: a resumed run refuses another one."""
        sizes = sorted(self.sizes.items())
        text = f"{self.config.model_dump_json()}/{sizes}/{self.batch_size}/{self.seed}"
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def first(self) -> EpochPlan:
        """The plan of the first epoch; all epochs have its length and sums."""
        return self.plan(0)

    def plan(self, epoch: int) -> EpochPlan:
        """The plan of an epoch; the last few are kept."""
        if epoch not in self._plans:
            while len(self._plans) >= KEPT_EPOCHS:
                del self._plans[next(iter(self._plans))]
            self._plans[epoch] = epoch_plan(self.config, self.sizes, epoch, self.seed)
        return self._plans[epoch]

    def _at(self, place: int) -> Draw:
        epoch, offset = divmod(place, len(self.first))
        plan = self.plan(epoch)
        member = int(plan.member[offset])
        visit = epoch * plan.rows[member].quota + int(plan.repeat[offset])
        mode: Task = "summary" if plan.summary[offset] else "dense"
        if self.config.members[member].conversations is not None:
            mode = "chat"
        return Draw(member, int(plan.record[offset]), mode, visit)
