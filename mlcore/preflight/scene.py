"""What the checks look at: the run's config, its data as training reads it, and where it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from mlcore.contract.records import Record
from mlcore.preflight.trained import Trained, trained
from mlcore.preflight.weights import Weights, read_weights
from mlcore.train.config import SftConfig
from mlcore.train.members import Member, TrainingData
from mlcore.train.prepare import Prepared

Item = TypeVar("Item")


@dataclass(frozen=True)
class Scene:
    """`start` is the checkpoint folder that training begins with, `checkpoints` where it saves,
    `teacher` the checkpoint that is learned from, None without one."""

    config: SftConfig
    prepared: Prepared
    start: Path
    checkpoints: Path
    teacher: Path | None = None

    @property
    def data(self) -> TrainingData:
        """Every dataset of the run with its valid records."""
        return self.prepared.data

    @cached_property
    def weights(self) -> Weights:
        """The tensors of `start`, by their headers."""
        return read_weights(self.start)

    @cached_property
    def trained(self) -> Trained:
        """What learns. Raises ConfigError for a tuning that the model cannot have."""
        return trained(self.config, self.weights.config, self.prepared.kit.coord_ids)

    @property
    def processes(self) -> int:
        """Ranks of this run."""
        return self.config.engine.processes if self.config.engine.type != "local" else 1

    def train(self) -> Iterator[tuple[Member, Record]]:
        """Every record that is learned from."""
        for member in self.data.members:
            for record in member.train:
                yield member, record

    def val(self) -> Iterator[tuple[Member, Record]]:
        """Every held-out record of the targets."""
        for member in self.data.targets:
            for record in member.val:
                yield member, record


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` items, evenly over the whole sequence, always the same ones."""
    if len(items) <= count:
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]
