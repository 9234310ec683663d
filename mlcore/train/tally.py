"""Sums of one step by dataset and task, in one vector that ranks add up."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mlcore.chat.prompts import MODES, Mode
from mlcore.train.source import COUNTERS, Sample
from mlcore.train.telemetry import Ratio

FIGURES = ("text", "coord", "text_n", "coord_n", "samples")
"""sums of each dataset and task: losses in nats, supervised tokens, samples"""


class Tally:
    """What one step added up to. `labels` name the datasets; none for a run of a single one."""

    def __init__(self, members: int, labels: Sequence[str]) -> None:
        self._members = members
        self._labels = labels
        self._groups = members * len(MODES)
        self._sums = torch.zeros(self._groups * len(FIGURES) + len(COUNTERS), dtype=torch.float64)

    def add(self, samples: Sequence[Sample], rows: torch.Tensor, counts: torch.Tensor) -> None:
        """Add samples with their loss sums and supervised tokens, both [samples, 2]."""
        grid = self._grid
        for sample, losses, tokens in zip(samples, rows.tolist(), counts.tolist(), strict=True):
            group = sample.draw.member * len(MODES) + MODES.index(sample.draw.mode)
            grid[group] += torch.tensor([*losses, *tokens, 1.0], dtype=torch.float64)
            for name, count in sample.counted.items():
                self._sums[self._groups * len(FIGURES) + COUNTERS.index(name)] += count

    @property
    def vector(self) -> list[float]:
        """Everything, for adding up over the ranks."""
        out: list[float] = self._sums.tolist()
        return out

    def replace(self, vector: Sequence[float]) -> None:
        """Take the sums over all ranks."""
        self._sums = torch.tensor(vector, dtype=torch.float64)

    @property
    def _grid(self) -> torch.Tensor:
        """[datasets * tasks, figures], a view."""
        return self._sums[: self._groups * len(FIGURES)].view(self._groups, len(FIGURES))

    def totals(self) -> dict[str, float]:
        """Sums over all samples, by figure."""
        return dict(zip(FIGURES, self._grid.sum(0).tolist(), strict=True))

    def of_mode(self, mode: Mode) -> dict[str, float]:
        """Sums over the samples of one task, by figure."""
        rows = self._grid[MODES.index(mode) :: len(MODES)]
        return dict(zip(FIGURES, rows.sum(0).tolist(), strict=True))

    def ratios(self) -> dict[str, Ratio]:
        """The loss of each dataset over its supervised tokens, and shares of augmented samples."""
        out: dict[str, Ratio] = {}
        by_member = self._grid.view(self._members, len(MODES), len(FIGURES)).sum(1).tolist()
        for label, row in zip(self._labels, by_member, strict=False):
            out[f"loss/{label}"] = (row[0] + row[1], row[2] + row[3])
        counted = self._counters()
        varied = counted.pop("augment/samples")
        if varied:
            shares = {n: c for n, c in counted.items() if n.startswith("augment/")}
            always = ("augment/applied", "augment/bypassed", "augment/lost_objects")
            out |= {n: (c, varied) for n, c in shares.items() if c or n in always}
        return out

    def counts(self) -> dict[str, float]:
        """Samples of each dataset, and what its settings changed, where they changed anything."""
        by_member = self._grid.view(self._members, len(MODES), len(FIGURES)).sum(1).tolist()
        out = {
            f"samples/{label}": row[4]
            for label, row in zip(self._labels, by_member, strict=False)
        }
        return out | {n: c for n, c in self._counters().items() if n.startswith("data/") and c}

    def _counters(self) -> dict[str, float]:
        tail = self._sums[self._groups * len(FIGURES) :].tolist()
        return dict(zip(COUNTERS, tail, strict=True))
