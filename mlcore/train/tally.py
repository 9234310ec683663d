"""Sums of one step by dataset and task, in one vector that ranks add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mlcore.chat.prompts import TASKS, Task
from mlcore.losses.terms import Counts, Objective
from mlcore.train.packing import Fill
from mlcore.train.source import COUNTERS, Sample
from mlcore.train.telemetry import Ratio

COUNTED = ("text_n", "coord_n", "samples")
"""of each dataset and task besides the terms: supervised tokens of text and of coordinates"""

LAID = ("samples", "tokens", "rows", "room")
"""of rows: what they hold, how many they are, the most tokens that they may hold"""


class Sums(dict[str, float]):
    """Sums over some samples: of the terms, in nats and without weight, and of COUNTED."""

    @property
    def counts(self) -> Counts:
        """The supervised positions."""
        return Counts(self["text_n"], self["coord_n"])

    @property
    def tokens(self) -> float:
        """All supervised positions."""
        return self["text_n"] + self["coord_n"]


class Tally:
    """What one step added up to. `labels` name the datasets; none for a run of a single one."""

    def __init__(self, objective: Objective, members: int, labels: Sequence[str]) -> None:
        self._objective = objective
        self._figures = (*(term.name for term in objective.terms), *COUNTED)
        self._members = members
        self._labels = labels
        self._groups = members * len(TASKS)
        self._sums = np.zeros(self._groups * len(self._figures) + len(COUNTERS) + len(LAID))

    def add(
        self, samples: Sequence[Sample], terms: Mapping[str, torch.Tensor], counts: torch.Tensor
    ) -> None:
        """Add samples: the sums of each term, [samples] each, and the supervised positions of text
        and of coordinates, [samples, 2]."""
        named = [terms[name] for name in self._figures[: -len(COUNTED)]]
        losses = [values.cpu().numpy() for values in named]
        ones = np.ones(len(samples))
        group = [s.draw.member * len(TASKS) + TASKS.index(s.draw.mode) for s in samples]
        np.add.at(self._grid, group, np.stack([*losses, *counts.numpy().T, ones], axis=1))
        tail = self._sums[self._groups * len(self._figures) :][: len(COUNTERS)]
        for sample in samples:
            for name, count in sample.counted.items():
                tail[COUNTERS.index(name)] += count

    def lay(self, fill: Fill, budget: int) -> None:
        """Add how full the rows of a rank are, of `budget` tokens at most."""
        told = (fill.samples, fill.tokens, fill.rows, fill.rows * budget)
        self._sums[-len(LAID) :] += told

    @property
    def vector(self) -> list[float]:
        """Everything, for adding up over the ranks."""
        out: list[float] = self._sums.tolist()
        return out

    def replace(self, vector: Sequence[float]) -> None:
        """Take the sums over all ranks."""
        self._sums = np.array(vector)

    @property
    def _grid(self) -> np.ndarray:
        """[datasets * tasks, figures], a view."""
        size = len(self._figures)
        return self._sums[: self._groups * size].reshape(self._groups, size)

    def totals(self) -> Sums:
        """Sums over all samples, by figure."""
        return self._named(self._grid.sum(0))

    def of_task(self, task: Task) -> Sums:
        """Sums over the samples of one task, by figure."""
        return self._named(self._grid[TASKS.index(task) :: len(TASKS)].sum(0))

    def loss_of(self, sums: Sums) -> float:
        """What is minimised, of these samples taken as a whole, in nats per supervised token."""
        return self._objective.loss(sums, sums.counts)

    def losses(self) -> dict[str, float]:
        """The loss, that of each task, the mean of each term over its positions without its weight,
        and the weighted loss of coordinates; what no position had is absent, and all of it where
        the true labels are not learned."""
        if not self._objective.terms:
            return {}
        totals = self.totals()
        out = {"loss": self.loss_of(totals)}
        for task in TASKS:
            sums = self.of_task(task)
            if sums["samples"]:
                out[f"loss_{task}"] = self.loss_of(sums)
        for term in self._objective.terms:
            count = totals["text_n" if term.at == "text" else "coord_n"]
            if count:
                out[f"loss_{term.name}"] = totals[term.name] / count
        if totals["coord_n"]:
            weighted = sum(t.weight * totals[t.name] for t in self._objective.at("coord"))
            out["loss_coord"] = weighted / totals["coord_n"]
        return out

    def ratios(self) -> dict[str, Ratio]:
        """The loss of each dataset over its supervised tokens, how full rows are, and shares of
        augmented samples."""
        laid = dict(zip(LAID, self._sums[-len(LAID) :].tolist(), strict=True))
        out: dict[str, Ratio] = {
            "pack/fill": (laid["tokens"], laid["room"]),
            "pack/samples_per_row": (laid["samples"], laid["rows"]),
        }
        labels = self._labels if self._objective.terms else ()
        for label, sums in zip(labels, self._by_member(), strict=False):
            out[f"loss/{label}"] = (self.loss_of(sums) * sums.tokens, sums.tokens)
        counted = self._counters()
        varied = counted.pop("augment/samples")
        if varied:
            shares = {n: c for n, c in counted.items() if n.startswith("augment/")}
            always = ("augment/applied", "augment/bypassed", "augment/lost_objects")
            out |= {n: (c, varied) for n, c in shares.items() if c or n in always}
        return out

    def counts(self) -> dict[str, float]:
        """Samples of each dataset, and what its settings changed, where they changed anything."""
        out = {
            f"samples/{label}": sums["samples"]
            for label, sums in zip(self._labels, self._by_member(), strict=False)
        }
        out["pack/rows"] = float(self._sums[-len(LAID) + LAID.index("rows")])
        return out | {n: c for n, c in self._counters().items() if n.startswith("data/") and c}

    def _by_member(self) -> list[Sums]:
        grid = self._grid.reshape(self._members, len(TASKS), len(self._figures)).sum(1)
        return [self._named(row) for row in grid]

    def _named(self, row: np.ndarray) -> Sums:
        return Sums(zip(self._figures, row.tolist(), strict=True))

    def _counters(self) -> dict[str, float]:
        tail = self._sums[self._groups * len(self._figures) :][: len(COUNTERS)]
        return dict(zip(COUNTERS, tail.tolist(), strict=True))
