"""Rendered samples of a dataset split, by index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlcore.chat.prompts import Mode
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.contract.records import Record
from mlcore.errors import DataError


@dataclass(frozen=True)
class Source:
    """Records of one split, rendered when asked for; images are read from `root`."""

    records: list[Record]
    root: Path
    renderer: Renderer
    max_length: int

    def __len__(self) -> int:
        return len(self.records)

    def example(self, index: int, mode: Mode) -> TrainingExample:
        """The sample at `index` for one task. Raises DataError when it is longer than the limit."""
        record = self.records[index]
        example = self.renderer.training_example(record, self.root, mode)
        if len(example) > self.max_length:
            raise DataError(
                f"{record.id} has {len(example)} tokens, the limit is {self.max_length}",
                hint="Raise global_max_length or take the record out; nothing is ever cut.",
                where=record.id,
            )
        return example
