"""How many supervised tokens were right, by dataset and type of token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mlcore.chat.collate import ModelBatch
from mlcore.chat.token_types import TYPES
from mlcore.train.telemetry import Ratio


class Accuracy:
    """Counts over samples, for adding up over ranks.

    `labels` names each dataset. Figures by type are told of the datasets `typed`; the figure of a
    dataset is told where there are several, or where it is typed.
    """

    def __init__(self, labels: Sequence[str], typed: Sequence[str]) -> None:
        self._labels = labels
        self._typed = typed
        self.counts = np.zeros((len(labels), len(TYPES), 2))
        """right tokens and all of them, [datasets, types, 2]"""

    def add(self, members: Sequence[int], batch: ModelBatch, right: torch.Tensor) -> None:
        """The samples of a batch, which is on the CPU: the dataset of each, and its right tokens
        by type, [samples, types]."""
        types, owner = batch.types.numpy(), batch.owner.numpy()
        told = types >= 0
        cell = owner[told] * len(TYPES) + types[told]
        tokens = np.bincount(cell, minlength=batch.samples * len(TYPES))
        both = np.stack([right.cpu().numpy(), tokens.reshape(batch.samples, len(TYPES))], axis=2)
        np.add.at(self.counts, list(members), both)

    def replace(self, vector: Sequence[float]) -> None:
        """Take the counts of all ranks, laid out in one row."""
        self.counts = np.array(vector).reshape(self.counts.shape)

    def ratios(self) -> dict[str, Ratio]:
        """Right tokens over all, as told: of everything, of datasets and of their types."""
        by_label = self.counts.sum(1)
        out = {"token_acc": _pair(by_label.sum(0))}
        for place, label in enumerate(self._labels):
            if label in self._typed or len(self._labels) > 1:
                out[f"{label}_token_acc"] = _pair(by_label[place])
            if label in self._typed:
                for type_, pair in zip(TYPES, self.counts[place], strict=True):
                    out[f"{label}_{type_}_token_acc"] = _pair(pair)
        return {name: pair for name, pair in out.items() if pair[1]}


def _pair(row: np.ndarray) -> Ratio:
    return float(row[0]), float(row[1])
