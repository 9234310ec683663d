"""From rendered examples to the tensors of one forward pass: padded or packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from mlcore.chat.render import UNSUPERVISED, TrainingExample
from mlcore.chat.token_types import NO_TYPE, token_types

NOBODY = -1
"""owner of padding"""
NOWHERE = -1
"""text position of padding, which the model then never sees"""


@dataclass(frozen=True)
class ModelBatch:
    """What `mlcore.models.forward.hidden_states` takes, the labels, and whose each token is.

    input_ids and labels int64 [B, L]; position_ids int64 [4, B, L]; owner int64 [B, L], the number
    of the sample that a token belongs to, rising along the rows, NOBODY for padding; types int8
    [B, L], the type of each token that has a label. pixel_values float32 [all patches, dim] and
    image_grid_thw int64 [all images, 3] are None without images.

    No label is supervised at the first place of a sample, so shifting labels by one never crosses
    from one sample into the next.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    position_ids: torch.Tensor
    owner: torch.Tensor
    types: torch.Tensor
    samples: int
    pixel_values: torch.Tensor | None
    image_grid_thw: torch.Tensor | None

    def to(self, device: torch.device, *, non_blocking: bool = False) -> ModelBatch:
        """The same on a device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=non_blocking)
            for name, value in vars(self).items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)

    def pinned(self) -> ModelBatch:
        """The same in page-locked memory, from which a GPU copies while it computes."""
        moved: dict[str, Any] = {
            name: value.pin_memory()
            for name, value in vars(self).items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)


def pad_right(examples: Sequence[TrainingExample], pad_id: int) -> ModelBatch:
    """One example per row, padded on the right: rows of a single sample."""
    return pack_rows([[example] for example in examples], pad_id)


def pack_rows(rows: Sequence[Sequence[TrainingExample]], pad_id: int) -> ModelBatch:
    """Several examples per row, each its own segment; samples are numbered row by row."""
    length = max(sum(len(example) for example in row) for row in rows)
    ids = np.full((len(rows), length), pad_id, dtype=np.int64)
    labels = np.full_like(ids, UNSUPERVISED)
    owner = np.full_like(ids, NOBODY)
    types = np.full(ids.shape, NO_TYPE, dtype=np.int8)
    positions = np.zeros((4, *ids.shape), dtype=np.int64)
    number = 0
    for index, row in enumerate(rows):
        start = 0
        for example in row:
            assert example.prompt_length > 0
            stop = start + len(example)
            ids[index, start:stop] = example.input_ids
            labels[index, start:stop] = example.labels
            owner[index, start:stop] = number
            types[index, start:stop] = token_types(example)
            positions[:, index, start:stop] = example.position_ids
            start, number = stop, number + 1
        positions[0, index, start:] = NOWHERE
    pixels, grids = _images([example for row in rows for example in row])
    return ModelBatch(
        input_ids=torch.from_numpy(ids),
        labels=torch.from_numpy(labels),
        position_ids=torch.from_numpy(positions),
        owner=torch.from_numpy(owner),
        types=torch.from_numpy(types),
        samples=number,
        pixel_values=pixels,
        image_grid_thw=grids,
    )


def _images(
    examples: Sequence[TrainingExample],
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Patches and grids of all images, None where there is not one."""
    grids = np.concatenate([example.image_grid_thw for example in examples])
    if not len(grids):
        return None, None
    pixels = np.concatenate([example.pixel_values for example in examples])
    return torch.from_numpy(pixels), torch.from_numpy(grids)
