"""What a preprocessor is: a step that changes the record of a dense sample before it is rendered.

Each is one class in one file of `mlcore/fusion/preprocessors/`, registered by name; its fields are
its parameters. It must not make an answer longer: training measures records before it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from mlcore.config.base import StrictModel
from mlcore.contract.records import Record, SceneObject
from mlcore.registry import Registry

Counter = Literal["boxed", "capped", "preprocessed"]
PREPARED: tuple[Counter, ...] = get_args(Counter)
"""what preprocessors count, in metrics `data/...`"""
Length = Callable[[SceneObject], int]
"""how long an object makes an answer"""


class Preprocessor(StrictModel):
    """The base of all. `counter` names what `apply` counts."""

    counter: ClassVar[Counter] = "preprocessed"

    type: str
    """which preprocessor"""

    def apply(self, record: Record, rng: np.random.Generator) -> tuple[Record, int]:
        """The record of one sample and how much was changed; what is random is drawn from `rng`."""
        raise NotImplementedError

    def longest(self, record: Record, length: Length) -> Record:
        """A record with an answer at least as long as that of any sample; the same one is."""
        return record


PREPROCESSORS: Registry[type[Preprocessor]] = Registry(
    "preprocessor", "mlcore.fusion.preprocessors"
)
register = PREPROCESSORS.register


@dataclass(frozen=True)
class Prepared:
    """A record as its dataset's settings want it, and how much of it they changed, by counter."""

    record: Record
    counted: dict[Counter, int]


def prepare_record(
    record: Record, steps: Iterable[Preprocessor], rng: np.random.Generator
) -> Prepared:
    """The record after the steps in their order; all draw from the sample's one generator."""
    counted: dict[Counter, int] = {}
    for step in steps:
        record, changed = step.apply(record, rng)
        counted[step.counter] = counted.get(step.counter, 0) + changed
    return Prepared(record, counted)
