"""From rendered examples to the tensors of one forward pass: padded or packed."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mlcore.chat.render import UNSUPERVISED, TrainingExample


@dataclass(frozen=True)
class ModelBatch:
    """What `mlcore.models.forward.hidden_states` takes, and the labels.

    input_ids and labels int64 [B, L]; position_ids int64 [4, B, L]; pixel_values float32
    [all patches, dim]; image_grid_thw int64 [all images, 3]. No label is supervised at the first
    place of a sample, so shifting labels by one never crosses from one sample into the next.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    position_ids: torch.Tensor
    pixel_values: torch.Tensor
    image_grid_thw: torch.Tensor


def pad_right(examples: Sequence[TrainingExample], pad_id: int) -> ModelBatch:
    """One example per row, padded on the right.

    The text positions run on through the padding, so it counts as the tail of the same sample,
    which nothing before it can see.
    """
    length = max(len(example) for example in examples)
    ids = np.full((len(examples), length), pad_id, dtype=np.int64)
    labels = np.full_like(ids, UNSUPERVISED)
    positions = np.zeros((4, *ids.shape), dtype=np.int64)
    positions[:] = np.arange(length)
    for row, example in enumerate(examples):
        size = len(example)
        ids[row, :size] = example.input_ids
        labels[row, :size] = example.labels
        positions[:, row, :size] = example.position_ids
    return _batch(examples, ids, labels, positions)


def pack_rows(rows: Sequence[Sequence[TrainingExample]], pad_id: int) -> ModelBatch:
    """Several examples per row, each its own segment; a padded tail is a segment of its own."""
    length = max(sum(len(example) for example in row) for row in rows)
    ids = np.full((len(rows), length), pad_id, dtype=np.int64)
    labels = np.full_like(ids, UNSUPERVISED)
    positions = np.zeros((4, *ids.shape), dtype=np.int64)
    for index, row in enumerate(rows):
        start = 0
        for example in row:
            stop = start + len(example)
            ids[index, start:stop] = example.input_ids
            labels[index, start:stop] = example.labels
            positions[:, index, start:stop] = example.position_ids
            start = stop
        positions[:, index, start:] = np.arange(length - start)
    return _batch([example for row in rows for example in row], ids, labels, positions)


def _batch(
    examples: Sequence[TrainingExample],
    ids: np.ndarray,
    labels: np.ndarray,
    positions: np.ndarray,
) -> ModelBatch:
    assert all(example.prompt_length > 0 for example in examples)
    return ModelBatch(
        input_ids=torch.from_numpy(ids),
        labels=torch.from_numpy(labels),
        position_ids=torch.from_numpy(positions),
        pixel_values=torch.from_numpy(np.concatenate([e.pixel_values for e in examples])),
        image_grid_thw=torch.from_numpy(np.concatenate([e.image_grid_thw for e in examples])),
    )
