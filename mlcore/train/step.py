"""One forward pass of Stage-1: hidden states, LM head on supervised rows only, two sums."""

from __future__ import annotations

import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch
from mlcore.chat.render import UNSUPERVISED
from mlcore.losses.coord_soft import coord_soft
from mlcore.losses.token_ce import token_ce
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

    def forward(
        self, batch: ModelBatch, sigma: float | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[text sum, coordinate sum] in nats over the supervised tokens of the batch, and the
        same for each row of it, [B, 2], without gradient.

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
        supervised_BL = targets_BL != UNSUPERVISED
        logits_NV = lm_logits(self.model, states_BLD[:, :-1][supervised_BL])
        targets_N = targets_BL[supervised_BL]
        bins_N = self.bin_of[targets_N]
        is_coord_N = bins_N >= 0
        text = token_ce(logits_NV[~is_coord_N], targets_N[~is_coord_N])
        if sigma is None:
            coord = token_ce(logits_NV[is_coord_N], targets_N[is_coord_N])
        else:
            coord = coord_soft(logits_NV[is_coord_N], bins_N[is_coord_N], self.coord_ids, sigma)
        rows_B2 = torch.stack(
            [
                _row_sums(text, supervised_BL, ~is_coord_N),
                _row_sums(coord, supervised_BL, is_coord_N),
            ],
            dim=1,
        )
        return torch.stack([text.sum(), coord.sum()]), rows_B2

    def counts(self, batch: ModelBatch) -> torch.Tensor:
        """Supervised tokens of each row of the batch, int64 [B, 2]: text, coordinates."""
        targets_BL = batch.labels[:, 1:]
        supervised_BL = targets_BL != UNSUPERVISED
        known = targets_BL.clamp(min=0).to(self.bin_of.device)
        coord_BL = (self.bin_of[known] >= 0).to(supervised_BL.device) & supervised_BL
        coords = coord_BL.sum(1)
        return torch.stack([supervised_BL.sum(1) - coords, coords], dim=1)


def _row_sums(
    losses: torch.Tensor, supervised: torch.Tensor, chosen: torch.Tensor
) -> torch.Tensor:
    """Sums [B] of losses, the same in every run.

    `supervised` bool [B, L] are the tokens with a loss, `chosen` bool [N] which of those N have
    theirs in `losses`.
    """
    places = supervised.nonzero()[chosen]
    spread_BL = torch.zeros(supervised.shape, dtype=torch.float64, device=losses.device)
    spread_BL[places[:, 0], places[:, 1]] = losses.detach().double()
    return spread_BL.sum(1)
