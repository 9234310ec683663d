"""One forward pass of Stage-1: hidden states, LM head on supervised rows only, two sums."""

from __future__ import annotations

import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch
from mlcore.chat.render import UNSUPERVISED
from mlcore.losses.coord_soft import coord_soft_sum
from mlcore.losses.token_ce import token_ce_sum
from mlcore.models.forward import hidden_states, lm_logits


class SftStep(nn.Module):
    """Batch in, loss sums out. `coord_ids` int64 [1000] is the token of each bin."""

    coord_ids: torch.Tensor
    bin_of: torch.Tensor

    def __init__(self, model: Qwen3VLForConditionalGeneration, coord_ids: list[int]) -> None:
        super().__init__()
        self.model = model
        ids = torch.tensor(coord_ids)
        bins = torch.full((model.lm_head.out_features,), -1)
        bins[ids] = torch.arange(len(coord_ids))
        self.register_buffer("coord_ids", ids, persistent=False)
        self.register_buffer("bin_of", bins, persistent=False)

    def forward(self, batch: ModelBatch, sigma: float | None) -> torch.Tensor:
        """[text sum, coordinate sum] in nats over the supervised tokens of the batch.

        `sigma` is the width of the coordinate target in bins; None scores coordinates with
        cross-entropy like any token, still reported apart.
        """
        states_BLD = hidden_states(
            self.model,
            batch.input_ids,
            batch.position_ids,
            batch.pixel_values,
            batch.image_grid_thw,
        )
        targets_BL = batch.labels[:, 1:]
        supervised = targets_BL != UNSUPERVISED
        logits_NV = lm_logits(self.model, states_BLD[:, :-1][supervised])
        targets_N = targets_BL[supervised]
        bins_N = self.bin_of[targets_N]
        is_coord = bins_N >= 0
        text = token_ce_sum(logits_NV[~is_coord], targets_N[~is_coord])
        if sigma is None:
            coord = token_ce_sum(logits_NV[is_coord], targets_N[is_coord])
        else:
            coord = coord_soft_sum(logits_NV[is_coord], bins_N[is_coord], self.coord_ids, sigma)
        return torch.stack([text, coord])

    def counts(self, batch: ModelBatch) -> tuple[int, int]:
        """Supervised tokens of the batch: (text, coordinates)."""
        targets = batch.labels[:, 1:]
        targets = targets[targets != UNSUPERVISED]
        coords = int((self.bin_of[targets.to(self.bin_of.device)] >= 0).sum())
        return targets.numel() - coords, coords
