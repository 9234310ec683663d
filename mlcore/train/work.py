"""What a rank does in a step: its samples as the batches of its forward passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch

from mlcore.chat.collate import ModelBatch, pack_rows
from mlcore.chat.render import TrainingExample
from mlcore.train.packing import Fill, Part, fill_of
from mlcore.train.source import Sample
from mlcore.train.step import SftStep


@dataclass(frozen=True)
class Work:
    """What a rank does in a step: samples, batch and supervised positions of each forward pass."""

    parts: list[list[Sample]]
    batches: list[ModelBatch]
    counts: list[torch.Tensor]
    fill: Fill

    @classmethod
    def of(cls, samples: Sequence[Sample], layout: Sequence[Part], pad: int, step: SftStep) -> Self:
        """Samples laid out. `pad` is the token that fills rows up."""
        batches = batches_of([sample.example for sample in samples], layout, pad)
        return cls(
            [[samples[place] for row in part for place in row] for part in layout],
            batches,
            [step.counts(batch) for batch in batches],
            fill_of(layout, [len(sample.example) for sample in samples]),
        )

    def __iter__(self) -> Iterator[tuple[list[Sample], ModelBatch, torch.Tensor]]:
        return zip(self.parts, self.batches, self.counts, strict=True)

    @property
    def supervised(self) -> list[int]:
        """Supervised positions of text and of coordinates."""
        out: list[int] = torch.cat(self.counts).sum(0).tolist()
        return out


def batches_of(
    examples: Sequence[TrainingExample], layout: Sequence[Part], pad: int
) -> list[ModelBatch]:
    """Examples laid out as batches. `pad` is the token that fills rows up."""
    rows = [[[examples[place] for place in row] for row in part] for part in layout]
    return [pack_rows(part, pad) for part in rows]
